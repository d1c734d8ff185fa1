// SPDX-License-Identifier: Apache-2.0

/** What help and man page say of rkt-run: the executable itself is a script. */
export const run = {
  name: 'rkt-run',
  synopsis: 'rkt-run [OPTION]... IMAGE [APP-OPTION]... [-- ARG... [---]]',
  summary: 'fetch images if needed, prepare a pod, and run it',
  options: {},
  /** All words go to this executable. */
  optionsOf: 'prepare',
};
