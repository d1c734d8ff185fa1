// SPDX-License-Identifier: Apache-2.0
export { askNobody, askNobodyAt, type Asked } from './ask.ts';
export { OTHER_NAMESPACES, readerPlan } from './plan.ts';
