// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { isAcIdentifier, printable } from '@rkt/names';

/** What people write down about a pod or an app, for other programs and for themselves; nothing of it changes what runs. */
export interface Notes {
  readonly annotations: Readonly<Record<string, string>>;
  readonly userAnnotations: Readonly<Record<string, string>>;
  readonly userLabels: Readonly<Record<string, string>>;
}

/** The options that notes come from. */
interface GivenNotes {
  readonly annotation: readonly string[];
  readonly 'user-annotation': readonly string[];
  readonly 'user-label': readonly string[];
}

/** The notes that the options are. */
export function notesOf(given: GivenNotes): Notes {
  return {
    annotations: pairsOf(given.annotation, 'annotation', isAcIdentifier),
    userAnnotations: pairsOf(given['user-annotation'], 'user-annotation', isName),
    userLabels: pairsOf(given['user-label'], 'user-label', isName),
  };
}

function isName(text: string): boolean {
  return text !== '';
}

function pairsOf(
  words: readonly string[],
  option: keyof GivenNotes,
  isKey: (text: string) => boolean,
): Readonly<Record<string, string>> {
  const pairs = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const key = word.slice(0, Math.max(equals, 0));
    const cannot = `cannot use --${option}="${printable(word)}"`;
    if (equals < 0 || !isKey(key)) throw new Failure(EXIT.usage, `${cannot}: ${wanted(option)}`);
    if (pairs.has(key)) throw new Failure(EXIT.usage, `${cannot}: "${printable(key)}" is given twice`);
    pairs.set(key, word.slice(equals + 1));
  }
  // An object made of entries has them as its own, whatever their names are.
  return Object.fromEntries(pairs);
}

function wanted(option: keyof GivenNotes): string {
  return option === 'annotation' ? 'wanted NAME=VALUE with a name such as example.com/purpose' : 'wanted NAME=VALUE';
}
