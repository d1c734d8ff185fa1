// SPDX-License-Identifier: Apache-2.0
export { askNobody, type Asked } from './ask.ts';
export { OTHER_NAMESPACES, readerPlan } from './plan.ts';
