// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type RuntimeResources, type ThrottledDevice } from '@rkt/formats';
import { parseHugetlb, parseList, parseThrottle } from './machine.ts';
import { type GivenLimits } from './options.ts';
import { checkPids, checkRange, parseCpu, parseMemory } from './quantities.ts';

/** What a processor has in the period of the kernel, in microseconds. */
export const PERIOD_USEC = 100_000;

type Memory = NonNullable<RuntimeResources['memory']>;
type Cpu = NonNullable<RuntimeResources['cpu']>;
type BlockIo = NonNullable<RuntimeResources['blockIO']>;

/** The resources that the options mean; what is not given is absent. */
export function resourcesOf(given: GivenLimits): RuntimeResources {
  const hugepageLimits = given.hugetlb.map((text) => parseHugetlb(text, '--hugetlb'));
  const pids = given['pids-limit'];
  const group = given['oom-kill-group'];
  return {
    ...member('memory', memoryOf(given)),
    ...member('cpu', cpuOf(given)),
    ...(pids === undefined ? {} : { pids: { limit: checkPids(pids, '--pids-limit') } }),
    ...member('blockIO', blockOf(given)),
    ...(hugepageLimits.length === 0 ? {} : { hugepageLimits }),
    ...(group === undefined ? {} : { unified: { 'memory.oom.group': group === 'true' ? '1' : '0' } }),
  };
}

/** The limits when some of them change: each that is given takes the place of the old one, and none goes away. */
export function mergeResources(before: RuntimeResources, after: RuntimeResources): RuntimeResources {
  const hugepageLimits = mergeBy(before.hugepageLimits, after.hugepageLimits, ({ pageSize }) => pageSize);
  const merged = {
    ...before,
    ...after,
    ...member('memory', { ...before.memory, ...after.memory }),
    ...member('cpu', { ...before.cpu, ...after.cpu }),
    ...member('blockIO', mergeBlock(before.blockIO ?? {}, after.blockIO ?? {})),
    ...(hugepageLimits.length === 0 ? {} : { hugepageLimits }),
    ...member('unified', { ...before.unified, ...after.unified }),
  };
  requireSwap(merged);
  return merged;
}

function memoryOf(given: GivenLimits): Memory {
  const { memory } = given;
  const [swap, reservation] = [given['memory-swap'], given['memory-reservation']];
  return {
    ...(memory === undefined ? {} : { limit: parseMemory(memory) }),
    ...(swap === undefined ? {} : { swap: parseMemory(swap, '--memory-swap') }),
    ...(reservation === undefined ? {} : { reservation: parseMemory(reservation, '--memory-reservation') }),
  };
}

/** Refuses a limit of memory and swap together without one of memory, or below it. */
export function requireSwap({ memory: { limit = 0, swap = 0 } = {} }: RuntimeResources): void {
  if (swap <= 0 || limit === -1) return;
  const refuse = (why: string) => new Failure(EXIT.usage, `cannot use --memory-swap of ${swap} bytes: ${why}`);
  if (limit === 0) throw refuse('it includes memory: wanted --memory as well');
  if (swap < limit) throw refuse(`it includes memory: wanted ${limit} or more`);
}

function cpuOf(given: GivenLimits): Cpu {
  const { cpu, 'cpu-shares': shares, 'cpuset-cpus': cpus, 'cpuset-mems': mems } = given;
  const system = '/sys/devices/system';
  return {
    ...(cpu === undefined ? {} : bandwidth(parseCpu(cpu))),
    ...(shares === undefined ? {} : { shares: checkRange(shares, '--cpu-shares', [2, 262_144]) }),
    ...(cpus === undefined ? {} : { cpus: parseList(cpus, '--cpuset-cpus', `${system}/cpu/online`) }),
    ...(mems === undefined ? {} : { mems: parseList(mems, '--cpuset-mems', `${system}/node/online`) }),
  };
}

/** Processor time as the kernel takes it; -1 is no limit. */
export function bandwidth(milli: number): { quota: number; period: number } {
  return { quota: milli === -1 ? -1 : (milli * PERIOD_USEC) / 1000, period: PERIOD_USEC };
}

function blockOf(given: GivenLimits): BlockIo {
  const weight = given['blkio-weight'];
  const throttles = ([name, option]: readonly [string, keyof GivenLimits & `device-${string}`]) => {
    const devices = mergeBy(
      [],
      given[option].map((text) => parseThrottle(text, `--${option}`)),
      numbersOf,
    );
    return devices.length === 0 ? [] : [[name, devices] as const];
  };
  return {
    ...(weight === undefined ? {} : { weight: checkRange(weight, '--blkio-weight', [10, 1000]) }),
    ...Object.fromEntries(THROTTLES.flatMap(throttles)),
  };
}

const THROTTLES = [
  ['throttleReadBpsDevice', 'device-read-bps'],
  ['throttleWriteBpsDevice', 'device-write-bps'],
  ['throttleReadIOPSDevice', 'device-read-iops'],
  ['throttleWriteIOPSDevice', 'device-write-iops'],
] as const;

function mergeBlock(before: BlockIo, after: BlockIo): BlockIo {
  const throttles = THROTTLES.flatMap(([name]) => {
    const devices = mergeBy(before[name], after[name], numbersOf);
    return devices.length === 0 ? [] : [[name, devices] as const];
  });
  return { ...before, ...after, ...Object.fromEntries(throttles) };
}

function numbersOf({ major, minor }: ThrottledDevice): string {
  return `${major}:${minor}`;
}

/** Of two entries of one key the last counts. */
function mergeBy<T>(before: readonly T[] = [], after: readonly T[] = [], keyOf: (entry: T) => string): T[] {
  return [...new Map([...before, ...after].map((entry) => [keyOf(entry), entry])).values()];
}

function member<K extends string, V extends object>(key: K, value: V): { [P in K]?: V } {
  const result: { [P in K]?: V } = {};
  if (Object.keys(value).length > 0) result[key] = value;
  return result;
}
