// SPDX-License-Identifier: Apache-2.0
import { isatty } from 'node:tty';
import type { Command, Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { appsNamed, requireOwner } from '@rkt/inspect';
import { printable } from '@rkt/names';
import { findPod, readPod, type Pod } from '@rkt/pods';
import { lastOf } from './lines.ts';
import { options } from './options.ts';
import { Output } from './output.ts';
import type { LineStyle } from './print.ts';
import { parseTime } from './record.ts';

/** rkt-logs: what the apps of a pod have written. */
export const logs: Command<typeof options> = {
  name: 'rkt-logs',
  synopsis: 'rkt-logs [-f] [--since=TIME] [--until=TIME] [--tail=N] [--timestamps] UUID [APP]...',
  summary: 'print the output of the apps of a pod',
  options,
  main: async (given, operands, context) => {
    const [uuid, ...names] = operands;
    if (uuid === undefined) throw new Failure(EXIT.usage, 'cannot find pod: no UUID given: try --help');
    const nowMs = Date.now();
    const range = {
      since: given.since === undefined ? '' : parseTime(given.since, 'since', nowMs),
      until: given.until === undefined ? '~' : parseTime(given.until, 'until', nowMs),
    };
    const tail = given.tail === undefined ? Infinity : parseCount(given.tail);
    requireOwner(context.dir, 'read the logs of');
    const pod = findPod(context.dir, uuid);
    const apps = chooseApps(pod, names);
    const style = styleOf(apps, given.timestamps, context);
    using output = new Output({ pod, apps, range, style }, context);
    output.print(lastOf(output.lines(), tail));
    if (given.follow) await output.follow();
    output.end(given.follow);
    return EXIT.ok;
  },
};

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Failure(EXIT.usage, `cannot use --tail="${printable(text)}": wanted a number of lines`);
}

function chooseApps(pod: Pod, names: readonly string[]): string[] {
  return [...new Set(appsNamed(readPod(pod), names).map(({ name }) => name))];
}

function styleOf(apps: readonly string[], timestamps: boolean, { environment }: Context): LineStyle {
  return {
    timestamps,
    names: apps.length > 1 ? apps : undefined,
    colors: !environment['NO_COLOR'],
    isTerminal: { stdout: isatty(1), stderr: isatty(2) },
  };
}
