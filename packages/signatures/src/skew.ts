// SPDX-License-Identifier: Apache-2.0

/** How far the clock of whoever dates a signature may be ahead of ours; there is no such mercy for what has expired. */
export const SKEW_MS = 5 * 60 * 1000;
