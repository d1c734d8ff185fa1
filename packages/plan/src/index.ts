// SPDX-License-Identifier: Apache-2.0
export type { IdMapping } from './arguments.ts';
export { checkPlan, type PlanRole } from './check.ts';
export { explainOp } from './explain.ts';
export { flagSets, type Flag, type FlagSet } from './flags.ts';
export { limits } from './limits.ts';
export { isOp, isOperationName, type Comment, type Line, type Op, type OperationName, type OpOf } from './op.ts';
export { operations, type Argument, type ArgumentKind, type Operation } from './operations.ts';
export { parsePlan, parsePlanLines } from './parse.ts';
export { printOp, printPlan } from './print.ts';
