// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import type { Command, Context, Given } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { isForEyes, layOut, parseDuration, printJson } from '@rkt/human';
import { requireOwner } from '@rkt/inspect';
import { findPod } from '@rkt/pods';
import { options } from './options.ts';
import { ratesOf } from './rates.ts';
import { byUse, LEGEND, objectOf, rowOf } from './rows.ts';
import { takeSample, type Sample } from './sample.ts';

const LIVE_MS = 2000;
const ONCE_MS = 500;
const DELAY_MS_MIN = 100;

/** rkt-top: what the apps of running pods use. */
export const top: Command<typeof options> = {
  name: 'rkt-top',
  synopsis: 'rkt-top [--once] [--delay=DURATION] [--no-legend] [--format=FORMAT] [UUID]',
  summary: 'show what running apps use',
  options,
  main: async (given, operands, context) => {
    const [prefix, ...more] = operands;
    if (more.length > 0) throw new Failure(EXIT.usage, `cannot use ${operands.length} UUIDs: wanted one or none`);
    const delayMs = delayOf(given.delay);
    requireOwner(context.dir, 'look at');
    const uuid = prefix === undefined ? undefined : findPod(context.dir, prefix).uuid;
    const isLive = isForEyes(context.environment) && !given.once && given.format === undefined;
    return isLive ? live(context, { uuid, delayMs: delayMs ?? LIVE_MS }) : once(context, { uuid, given, delayMs });
  },
};

function delayOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text, 'delay');
  if (ms >= DELAY_MS_MIN && ms <= 3_600_000) return ms;
  throw new Failure(EXIT.usage, `cannot use --delay=${text}: wanted 100ms to 1h`);
}

interface Once {
  readonly uuid: string | undefined;
  readonly given: Given<typeof options>;
  readonly delayMs: number | undefined;
}

async function once({ dir, print }: Context, { uuid, given, delayMs = ONCE_MS }: Once): Promise<number> {
  const earlier = takeSample(dir, uuid);
  // Nothing runs: nothing will have been used.
  if (earlier.apps.length > 0) await delay(delayMs);
  const rates = ratesOf(earlier, takeSample(dir, uuid));
  if (given.format !== undefined) {
    print(printJson(rates.map(objectOf), given.format === 'json' ? 'json' : 'json-pretty'));
  } else {
    const rows = rates.map(rowOf);
    const lines = layOut(given['no-legend'] ? rows : [LEGEND, ...rows]);
    if (lines.length > 0) print(lines.join('\n'));
  }
  return uuid !== undefined && rates.length === 0 ? EXIT.no : EXIT.ok;
}

async function live(
  { dir, environment }: Context,
  { uuid, delayMs }: { readonly uuid: string | undefined; readonly delayMs: number },
): Promise<number> {
  const { showLive } = await import('./live.ts');
  let earlier: Sample | undefined;
  const look = () => {
    const later = takeSample(dir, uuid);
    const rates = ratesOf(earlier, later);
    earlier = later;
    return layOut([LEGEND, ...rates.toSorted(byUse).map(rowOf)]);
  };
  return showLive({ delayMs, look, hasColour: (environment['NO_COLOR'] ?? '') === '' });
}
