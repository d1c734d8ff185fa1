// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { VERSION, type Command, type Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { exists } from '@rkt/files';
import { VERIFICATION_VERSION, type Verification } from '@rkt/formats';
import { layOut, printJson } from '@rkt/human';
import { readPolicy } from '@rkt/policy';
import { openStore, type Store } from '@rkt/store';
import { rowOf } from './row.ts';
import { options } from './options.ts';
import { verifyImage, type Asking } from './verify-image.ts';

/** rkt-verify: tells of images in the store who vouches for them. */
export const verify: Command<typeof options> = {
  name: 'rkt-verify',
  synopsis: 'rkt-verify [OPTION]... IMAGE...',
  summary: 'tell who vouches for images',
  options,
  main: async (given, operands, context) => {
    if (operands.length === 0)
      throw new Failure(EXIT.usage, 'cannot verify images: none given: wanted at least one IMAGE');
    const directories = { system: resolve(given['system-config']), local: resolve(given['local-config']) };
    const policyFile = given.policy === undefined ? undefined : resolve(given.policy);
    const asking: Asking = {
      policy: readPolicy({ directories, policyFile }),
      verifier: { version: VERSION, uid: process.geteuid?.() ?? 0, host: hostname() },
      nowMs: Date.now(),
    };
    const stores = storesOf(context, given.store);
    const decisions: Verification[] = [];
    const failures: Failure[] = [];
    for (const operand of operands) {
      try {
        decisions.push(...(await verifyImage(stores, operand, asking)));
      } catch (error) {
        // A wrong configuration is wrong for every image.
        if (!(error instanceof Failure) || error.status === EXIT.configuration) throw error;
        failures.push(error);
        context.note(error.message);
      }
    }
    print(context, decisions, given.format);
    const refused = decisions.some(({ outcome }) => outcome !== 'accepted');
    return failures[0]?.status ?? (refused ? EXIT.no : EXIT.ok);
  },
};

function storesOf({ dir }: Context, more: readonly string[]): Store[] {
  const missing = more.find((path) => !exists(path));
  if (missing !== undefined) throw new Failure(EXIT.notFound, `cannot open store "${missing}": no such directory`);
  return [join(dir, 'store'), ...more].filter((path) => exists(path)).map((path) => openStore(path));
}

function print(context: Context, decisions: readonly Verification[], format: string | undefined): void {
  if (format !== undefined) {
    const record = { version: VERIFICATION_VERSION, decisions };
    context.print(printJson(record, format === 'json' ? 'json' : 'json-pretty'));
    return;
  }
  for (const line of layOut(decisions.map(rowOf))) context.print(line);
}
