// SPDX-License-Identifier: Apache-2.0

/** What help and man page say of rkt-app: the executable itself is a script. */
export const app = {
  name: 'rkt-app',
  synopsis: [
    'rkt-app sandbox [OPTION]...',
    'rkt-app add UUID IMAGE [APP-OPTION]... [-- ARG...]',
    'rkt-app start UUID --app=NAME',
    'rkt-app stop UUID --app=NAME [--timeout=SECONDS]',
    'rkt-app rm UUID --app=NAME [--timeout=SECONDS]',
    'rkt-app exec [--app=NAME] UUID [COMMAND [ARG...]]',
    'rkt-app list UUID [--no-legend]',
    'rkt-app status UUID --app=NAME [--format=FORMAT]',
  ].join('\n'),
  summary: 'run a pod whose apps come and go',
  options: {},
  /** The verbs that are no other command are those of this one. */
  optionsOf: 'app-control',
};
