// SPDX-License-Identifier: Apache-2.0

/** The directories below `pods/`, in the order in which a pod passes through them. */
export const PHASES = ['embryo', 'prepare', 'prepared', 'run', 'exited-garbage', 'garbage'] as const;

/** A directory below `pods/`. */
export type Phase = (typeof PHASES)[number];

/** What a pod is doing: where its directory lies, and whether somebody holds its lock. */
export type State =
  | 'embryo'
  | 'preparing'
  | 'aborted prepare'
  | 'prepared'
  | 'running'
  | 'exited'
  | 'exited deleting'
  | 'exited garbage'
  | 'deleting'
  | 'garbage';

const STATES: Readonly<Record<Phase, { readonly locked: State; readonly unlocked: State }>> = {
  embryo: { locked: 'embryo', unlocked: 'embryo' },
  prepare: { locked: 'preparing', unlocked: 'aborted prepare' },
  prepared: { locked: 'prepared', unlocked: 'prepared' },
  run: { locked: 'running', unlocked: 'exited' },
  'exited-garbage': { locked: 'exited deleting', unlocked: 'exited garbage' },
  garbage: { locked: 'deleting', unlocked: 'garbage' },
};

/** The state of a pod: the table of rkt's pod life cycle. Whether it is locked is asked only where that makes a difference. */
export function stateOf(phase: Phase, isLocked: () => boolean): State {
  const { locked, unlocked } = STATES[phase];
  return locked === unlocked || isLocked() ? locked : unlocked;
}
