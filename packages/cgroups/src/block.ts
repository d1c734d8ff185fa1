// SPDX-License-Identifier: Apache-2.0
import { amount, refuse } from './convert.ts';
import type { Resources } from './resources.ts';
import { row, type Row } from './row.ts';

type Block = NonNullable<Resources['blockIO']>;
type Devices = NonNullable<Block['throttleReadBpsDevice']>;

const THROTTLES = [
  { name: 'throttleReadBpsDevice', v1: 'read_bps_device', v2: 'rbps' },
  { name: 'throttleWriteBpsDevice', v1: 'write_bps_device', v2: 'wbps' },
  { name: 'throttleReadIOPSDevice', v1: 'read_iops_device', v2: 'riops' },
  { name: 'throttleWriteIOPSDevice', v1: 'write_iops_device', v2: 'wiops' },
] as const;

/** The rows of block I/O: a weight, and four limits for each device. */
export function blockRows(): Row[] {
  return [
    // The schedulers that had blkio.weight are gone; that of v1 takes the same numbers.
    row('blockIO.weight', weightOf, {
      v1: (weight) => [['blkio', 'blkio.bfq.weight', weight]],
      v2: (weight) => [['io', 'io.weight', ioWeight(weight)]],
    }),
    ...THROTTLES.map(({ name, v1, v2 }) =>
      row(`blockIO.${name}`, ({ blockIO }) => devicesOf(`blockIO.${name}`, blockIO?.[name]), {
        v1: (devices) => devices.map((one) => ['blkio', `blkio.throttle.${v1}`, `${numbers(one)} ${one.rate}`]),
        v2: (devices) => devices.map((one) => ['io', 'io.max', `${numbers(one)} ${v2}=${one.rate || 'max'}`]),
      }),
    ),
  ];
}

/** The weight on the scale of v2: 10 is 1, 1000 is 10000. */
function ioWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

function weightOf({ blockIO }: Resources): number | undefined {
  const weight = amount('blockIO.weight', blockIO?.weight);
  if (weight === undefined || (weight >= 10 && weight <= 1000)) return weight;
  throw refuse('blockIO.weight', `${weight} is out of range: wanted 10 to 1000`);
}

function devicesOf(resource: string, devices: Devices | undefined): Devices | undefined {
  const wrong = devices?.flatMap(({ major, minor, rate }) => [major, minor, rate]).find((x) => !isAmount(x));
  if (wrong === undefined) return devices;
  throw refuse(resource, `${wrong} is not an amount: wanted a whole number`);
}

function isAmount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function numbers({ major, minor }: Devices[number]): string {
  return `${major}:${minor}`;
}
