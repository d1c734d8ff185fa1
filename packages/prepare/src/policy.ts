// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { VERSION, type Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { type Verification } from '@rkt/formats';
import { printable, printableText } from '@rkt/names';
import { requireAllowed, skipped, TRUST_DIRECTORIES, type TrustDirectories } from '@rkt/policy';
import { type PrepareArguments } from './arguments.ts';
import { type FoundImage } from './images.ts';
import { vouchedOf } from './vouched.ts';

/** Images, and what the command line says about who vouches for them. */
export interface Deciding {
  readonly images: readonly FoundImage[];
  readonly given: Pick<PrepareArguments['pod'], 'policy' | 'system-config' | 'local-config'>;
  readonly insecure: ReadonlySet<string>;
}

/** What is the same for every image of a pod. */
export interface Run {
  readonly directories: TrustDirectories;
  readonly policyFile: string | undefined;
  readonly verifier: Verification['verifier'];
  readonly nowMs: number;
}

/**
 * Decides which images may become a pod, by the policy of root and on bytes that were hashed here; returns what is kept of it.
 *
 * With `--insecure-options=image` the caller takes the responsibility, which is written down, unless the administrator forbids it.
 */
export async function decide(context: Context, { images, given, insecure }: Deciding): Promise<Verification[]> {
  const options = (['policy', 'system-config', 'local-config'] as const).filter((name) => given[name] !== undefined);
  const skip = insecure.has('image') ? ['--insecure-options=image'] : [];
  requireAllowed([...skip, ...options.map((name) => `--${name}`)]);
  const run: Run = {
    directories: {
      system: resolve(given['system-config'] ?? TRUST_DIRECTORIES.system),
      local: resolve(given['local-config'] ?? TRUST_DIRECTORIES.local),
    },
    policyFile: given.policy === undefined ? undefined : resolve(given.policy),
    verifier: { version: VERSION, uid: process.geteuid?.() ?? 0, host: hostname() },
    nowMs: Date.now(),
  };
  const vouched = vouchedOf(images);
  if (skip.length > 0) {
    if (options.length > 0) requireAllowed(skip, { directories: run.directories });
    return vouched.map((one) => skipped({ ...one, ...run }));
  }
  // Loaded when it is needed: whoever skips the decision should not wait for it.
  const { judgeImages } = await import('./judge-images.ts');
  const decisions = await judgeImages(context.dir, vouched, run);
  const index = decisions.findIndex(({ outcome }) => outcome !== 'accepted');
  const refused = decisions[index];
  if (refused === undefined) return decisions;
  const user = vouched[index]?.neededBy;
  const head = `cannot use image "${printable(refused.image)}"${user === undefined ? '' : `, on which "${printable(user)}" depends`}`;
  throw new Failure(EXIT.notPermitted, `${head}: ${printableText(refused.reasons.join('; '))}`);
}
