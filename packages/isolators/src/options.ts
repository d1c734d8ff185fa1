// SPDX-License-Identifier: Apache-2.0
import { type Given, type OptionTable } from '@rkt/command';

/** What limits one app. */
export const limitOptions = {
  memory: { type: 'string', value: 'QUANTITY', describe: 'memory limit, such as 64Mi or 1G' },
  'memory-swap': { type: 'string', value: 'QUANTITY', describe: 'limit of memory and swap together' },
  'memory-reservation': {
    type: 'string',
    value: 'QUANTITY',
    describe: 'memory that is taken from the app last when the machine runs short of it',
  },
  'oom-kill-group': {
    type: 'string',
    value: 'BOOL',
    implied: 'true',
    choices: ['true', 'false'],
    describe: 'when memory is short kill all processes of the app, not one: cgroup v2 only',
  },
  cpu: { type: 'string', value: 'QUANTITY', describe: 'limit of processor time, such as 500m or 2' },
  'cpu-shares': { type: 'number', value: 'N', describe: 'weight of processor time, 2 to 262144' },
  'cpuset-cpus': { type: 'string', value: 'LIST', describe: 'processors to run on, such as 0-3,7' },
  'cpuset-mems': { type: 'string', value: 'LIST', describe: 'memory nodes to use, such as 0' },
  'pids-limit': { type: 'number', value: 'N', describe: 'limit of processes and threads, -1 for none' },
  'blkio-weight': { type: 'number', value: 'N', describe: 'weight of block I/O, 10 to 1000' },
  'device-read-bps': { type: 'strings', value: 'PATH:RATE', describe: 'bytes a second to read from a block device' },
  'device-write-bps': { type: 'strings', value: 'PATH:RATE', describe: 'bytes a second to write to a block device' },
  'device-read-iops': { type: 'strings', value: 'PATH:RATE', describe: 'reads a second from a block device' },
  'device-write-iops': { type: 'strings', value: 'PATH:RATE', describe: 'writes a second to a block device' },
  hugetlb: { type: 'strings', value: 'SIZE:QUANTITY', describe: 'limit of huge pages of a size, such as 2Mi:64Mi' },
} as const satisfies OptionTable;

/** What limits a pod, over all of its apps. */
export const podLimitOptions = {
  'pod-memory': { type: 'string', value: 'QUANTITY', describe: 'memory limit of all apps together' },
  'pod-cpu': { type: 'string', value: 'QUANTITY', describe: 'limit of processor time of all apps together' },
  'pod-pids-limit': { type: 'number', value: 'N', describe: 'limit of processes and threads of all apps together' },
} as const satisfies OptionTable;

/** What was given of `limitOptions`. */
export type GivenLimits = Given<typeof limitOptions>;

/** What was given of `podLimitOptions`. */
export type GivenPodLimits = Given<typeof podLimitOptions>;
