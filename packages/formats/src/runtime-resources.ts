// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';

/** A limit of how fast an app reads from or writes to one block device. */
export interface ThrottledDevice {
  readonly major: number;
  readonly minor: number;
  /** Bytes or operations per second; 0 is unlimited. */
  readonly rate: number;
}

/** `linux.resources` of the OCI runtime specification (config-linux.md, "Control groups"), the part that rkt limits. */
export interface RuntimeResources {
  readonly memory?: {
    /** Bytes; -1 is unlimited, 0 is not set. */
    readonly limit?: number;
    /** Bytes of memory and swap together; -1 is unlimited, 0 is not set. */
    readonly swap?: number;
    readonly reservation?: number;
  };
  readonly cpu?: {
    readonly shares?: number;
    /** Microseconds of CPU time in a period; -1 is unlimited, 0 is not set. */
    readonly quota?: number;
    readonly period?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  /** -1 is unlimited; 0 is a limit, under which no process can be made. */
  readonly pids?: { readonly limit: number };
  readonly blockIO?: {
    /** 10 to 1000. */
    readonly weight?: number;
    readonly throttleReadBpsDevice?: readonly ThrottledDevice[];
    readonly throttleWriteBpsDevice?: readonly ThrottledDevice[];
    readonly throttleReadIOPSDevice?: readonly ThrottledDevice[];
    readonly throttleWriteIOPSDevice?: readonly ThrottledDevice[];
  };
  /** By the size of a page as the kernel writes it, such as `2MB`; bytes. */
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  /** Files of cgroup v2 by their names, such as `memory.oom.group`, and what to write to them. */
  readonly unified?: Readonly<Record<string, string>>;
}

/** The limits of a whole pod, as `pod.json` has them. */
export const podResources = v.strictObject({
  memory: v.exactOptional(v.strictObject({ limit: v.number() })),
  cpu: v.exactOptional(v.strictObject({ quota: v.number(), period: v.number() })),
  pids: v.exactOptional(v.strictObject({ limit: v.number() })),
});
