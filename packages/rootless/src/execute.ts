// SPDX-License-Identifier: Apache-2.0
import { rmSync } from 'node:fs';
import { runStage1, writeNew } from '@rkt/files';
import { type PodOwner } from '@rkt/formats';
import { printable } from '@rkt/names';
import { printPlan, type Line } from '@rkt/plan';
import { enterUserNamespace } from './maps.ts';

/** Something that root of the owner's user namespace does, and where its plan may lie meanwhile. */
export interface Task {
  /** What it does, in words. */
  readonly text: string;
  /** A path in a directory that nobody else can write; what is there is replaced. */
  readonly plan: string;
  readonly lines: readonly Line[];
}

/** Executes lines as root of the owner's user namespace; why that failed, undefined if it did not. */
export function executeAs(owner: PodOwner, { text, plan, lines }: Task): string | undefined {
  rmSync(plan, { force: true });
  writeNew(plan, printPlan([{ op: '#', text }, enterUserNamespace(owner), ...lines]), 0o600);
  const message = runStage1(plan);
  rmSync(plan, { force: true });
  return message === undefined ? undefined : plain(message);
}

/** What stage1 or unpack says, without the place in a plan that is gone when somebody reads it. */
export function plain(message: string): string {
  return printable(message.replace(/^(unpack: |stage1: [^ ]*: ([a-z_0-9]+: )?)/, ''));
}
