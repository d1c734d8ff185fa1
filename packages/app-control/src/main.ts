// SPDX-License-Identifier: Apache-2.0
import type { Command, Context, Given } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { requireOwner } from '@rkt/inspect';
import { printable } from '@rkt/names';
import { findPod } from '@rkt/pods';
import { options } from './options.ts';
import { removeApp } from './remove.ts';
import { startApp, stopApp } from './request.ts';
import { listApps, showApp } from './show.ts';

type Options = Given<typeof options>;
type Verb = (context: Context, uuid: string, given: Options) => void | Promise<void>;

// What is wrong with the command line is told before anything is looked up.
const VERBS: Readonly<Record<string, Verb>> = {
  start: async ({ dir }, uuid, given) => startApp(findPod(dir, uuid), nameOf(given, 'start')),
  stop: async ({ dir }, uuid, given) =>
    stopApp({ dir, name: nameOf(given, 'stop'), timeoutMs: timeoutOf(given), pod: findPod(dir, uuid) }),
  rm: async ({ dir }, uuid, given) =>
    removeApp({ dir, name: nameOf(given, 'remove'), timeoutMs: timeoutOf(given), pod: findPod(dir, uuid) }),
  list: (context, uuid, given) => listApps(context, findPod(context.dir, uuid), given['no-legend']),
  status: (context, uuid, given) =>
    showApp(context, findPod(context.dir, uuid), { name: nameOf(given, 'show'), format: given.format }),
};

/** rkt-app-control: starts, stops, removes and shows the apps of a pod whose apps come and go. */
export const appControl: Command<typeof options> = {
  name: 'rkt-app-control',
  synopsis: [
    'rkt-app-control start UUID --app=NAME',
    'rkt-app-control stop|rm UUID --app=NAME [--timeout=SECONDS]',
    'rkt-app-control list UUID [--no-legend]',
    'rkt-app-control status UUID --app=NAME [--format=FORMAT]',
  ].join('\n'),
  summary: 'start, stop, remove and show apps of a pod: see rkt-app',
  options,
  main: async (given, [word = '', uuid, ...more], context) => {
    const verb = Object.hasOwn(VERBS, word) ? VERBS[word] : undefined;
    if (verb === undefined) {
      throw new Failure(EXIT.usage, `unknown verb "${printable(word)}": wanted ${Object.keys(VERBS).join(', ')}`);
    }
    if (uuid === undefined) throw new Failure(EXIT.usage, 'a pod is required: wanted its UUID');
    if (more.length > 0) throw new Failure(EXIT.usage, `cannot use "${printable(more[0] ?? '')}": wanted one UUID`);
    requireOwner(context.dir, word === 'list' || word === 'status' ? 'read' : 'change');
    await verb(context, uuid, given);
    return EXIT.ok;
  },
};

function nameOf({ app }: Options, verb: string): string {
  if (app !== undefined) return app;
  throw new Failure(EXIT.usage, `must provide the app to ${verb}: use --app=NAME`);
}

const LONGEST_TIMEOUT_S = 4_000_000;

function timeoutOf({ timeout }: Options): number {
  if (timeout >= 0 && timeout <= LONGEST_TIMEOUT_S) return Math.round(timeout * 1000);
  throw new Failure(EXIT.usage, `cannot use --timeout=${timeout}: wanted 0 to ${LONGEST_TIMEOUT_S} seconds`);
}
