// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { type AciOfImage } from './aci.ts';
import { type ImageArguments } from './arguments.ts';

/** The weight of processor time that every app has: an image may ask for less. */
const CPU_SHARES = 1024;

/**
 * What the user said of an image, and where he said nothing what the image says.
 *
 * An image can restrict itself and never grant itself anything: a weight above the usual one, and a word that spares the app
 * from the killer of processes, are not for it to say.
 */
export function withDefaults(said: ImageArguments, { app, isolators, isFromDocker }: AciOfImage): ImageArguments {
  if (app === undefined) return said;
  const { given } = said;
  const { memory, cpu, cpuShares, oomScoreAdj } = isolators;
  // docker2aci named the user as the group too, whether there is such a group or not.
  const group = isFromDocker && app.group === app.user ? undefined : app.group;
  const groups = app.supplementaryGIDs.length === 0 ? undefined : app.supplementaryGIDs.join(',');
  return {
    ...said,
    given: {
      ...given,
      user: given.user ?? app.user,
      // `--user=USER:GROUP` names one too.
      group: given.group ?? (given.user?.includes(':') === true ? undefined : group),
      'supplementary-gids': given['supplementary-gids'] ?? groups,
      memory: given.memory ?? memoryWord(memory),
      cpu: given.cpu ?? cpuWord(cpu),
      'cpu-shares': given['cpu-shares'] ?? (cpuShares === undefined ? undefined : Math.min(cpuShares, CPU_SHARES)),
      'oom-score-adj': given['oom-score-adj'] || Math.max(0, oomScoreAdj ?? 0),
    },
  };
}

/** What of an image is not done as it says, one sentence each. */
export function aciWarnings(name: string, { app, isolators }: AciOfImage): string[] {
  const handlers = app?.eventHandlers.map((handler) => `its ${handler.name} event handler is not run`) ?? [];
  const ignored = isolators.ignored.map((isolator) => `its isolator ${isolator} is ignored`);
  const { cpuShares = 0, oomScoreAdj = 0 } = isolators;
  const refused = [
    ...(cpuShares > CPU_SHARES ? [`its isolator os/linux/cpu-shares is lowered to ${CPU_SHARES}`] : []),
    ...(oomScoreAdj < 0 ? ['its isolator os/linux/oom-score-adj is raised to 0'] : []),
  ];
  return [...handlers, ...ignored, ...refused].map((what) => `image "${printable(name)}": ${printable(what)}`);
}

/** The limit of memory of an isolator as `--memory` takes it. */
export function memoryWord(quantity: string | undefined): string | undefined {
  return quantity === undefined ? undefined : String(Math.floor(valueOf(quantity)));
}

/** The limit of processor time of an isolator as `--cpu` takes it. */
export function cpuWord(quantity: string | undefined): string | undefined {
  return quantity === undefined ? undefined : `${Math.round(valueOf(quantity) * 1000)}m`;
}

const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
}; // prettier-ignore

/** The number that a quantity of a manifest is: a decimal number with a suffix or an exponent. */
function valueOf(quantity: string): number {
  const [, digits = '', suffix = ''] = /^([\d.]+)(.*)$/.exec(quantity) ?? [];
  const factor = suffix === '' ? 1 : /^[eE][+-]?\d/.test(suffix) ? Number(`1${suffix}`) : FACTORS[suffix];
  const value = Number(digits) * (factor ?? Number.NaN);
  if (Number.isFinite(value) && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new Failure(
    EXIT.dataRefused,
    `cannot use the quantity "${printable(quantity)}" of a manifest: it is too large`,
  );
}
