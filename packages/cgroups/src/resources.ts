// SPDX-License-Identifier: Apache-2.0

/** `linux.resources` of the OCI runtime specification (config-linux.md, "Control groups"), the part that rkt limits. */
export interface Resources {
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
}

/** How many processes and threads an app may have if nobody says otherwise. */
export const DEFAULT_PIDS = 1024;
