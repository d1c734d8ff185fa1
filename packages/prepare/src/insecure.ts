// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

/** What each value of `--insecure-options` switches off. */
const MEANING: Readonly<Record<string, readonly string[]>> = {
  none: [],
  image: ['image'],
  tls: ['tls'],
  http: ['http'],
  pubkey: ['pubkey'],
  ondisk: [],
  capabilities: ['capabilities'],
  paths: ['paths'],
  seccomp: ['seccomp'],
  userns: ['userns'],
  landlock: ['landlock'],
  'all-fetch': ['image', 'tls', 'http', 'pubkey'],
  'all-run': ['capabilities', 'paths', 'seccomp', 'userns', 'landlock'],
  all: ['image', 'tls', 'http', 'pubkey', 'capabilities', 'paths', 'seccomp', 'userns', 'landlock'],
};

/** The protections that the user switches off, each once. */
export function parseInsecureOptions(lists: readonly string[]): ReadonlySet<string> {
  const chosen = new Set<string>();
  for (const word of lists.flatMap((list) => list.split(',')).filter((item) => item !== '')) {
    const meaning = Object.hasOwn(MEANING, word.toLowerCase()) ? MEANING[word.toLowerCase()] : undefined;
    if (meaning === undefined) {
      throw new Failure(
        EXIT.usage,
        `unknown option "${printable(word)}" of --insecure-options: wanted ${Object.keys(MEANING).join(', ')}`,
      );
    }
    for (const option of meaning) chosen.add(option);
  }
  return chosen;
}

/** What the options of a pod switch off: `--private-users=false` is another name for one of them, which rkt has always had. */
export function insecureOptionsOf(given: {
  readonly 'insecure-options': readonly string[];
  readonly 'private-users': string;
}): ReadonlySet<string> {
  const more = given['private-users'] === 'false' ? ['userns'] : [];
  return parseInsecureOptions([...given['insecure-options'], ...more]);
}
