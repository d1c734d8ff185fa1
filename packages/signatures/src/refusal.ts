// SPDX-License-Identifier: Apache-2.0
import { printable } from '@rkt/names';
import type { Bad, RefusalCode, Signer, Verdict } from './verdict.ts';

/** Thrown inside this package where a signature turns out not to be good; callers only ever see a verdict. */
export class Refused extends Error {
  readonly code: RefusalCode;
  readonly signer: Signer | undefined;

  /** The reason has its foreign parts escaped already. */
  constructor(code: RefusalCode, reason: string, signer?: Signer) {
    super(reason);
    this.name = 'Refused';
    this.code = code;
    this.signer = signer;
  }
}

/** The verdict of a step; whatever it throws is a refusal. */
export async function judged(step: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await step();
  } catch (error) {
    return badOf(error);
  }
}

/** The verdict that an exception stands for. */
export function badOf(error: unknown, signer?: Signer): Bad {
  const refused = error instanceof Refused ? error : undefined;
  const reason = refused?.message ?? `the verifier failed: ${messageOf(error)}`;
  return { outcome: 'bad', code: refused?.code ?? 'failed', reason, signer: refused?.signer ?? signer };
}

/** The words of an exception of others, fit for a message: a line of ours goes on behind them, so they end without a full stop. */
export function messageOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}
