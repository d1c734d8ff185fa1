// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';

// Parts of proc and sys that say too much about the host or reach its hardware and kernel.
const MASKED: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/config.gz',
  '/proc/interrupts',
  '/proc/kallsyms',
  '/proc/kcore',
  '/proc/keys',
  '/proc/kmsg',
  '/proc/kpagecgroup',
  '/proc/kpagecount',
  '/proc/kpageflags',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/devices/system/cpu/cpu0/thermal_throttle',
  '/sys/firmware',
  '/sys/fs/bpf',
  '/sys/fs/selinux',
  '/sys/kernel/debug',
  '/sys/kernel/security',
  '/sys/kernel/tracing',
  '/sys/kernel/vmcoreinfo',
  '/sys/kernel/kexec_crash_size',
  '/sys/module',
];

// Parts of proc that configure the whole kernel. All of sys is read-only already.
const READ_ONLY: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** The paths, and those more, that this kernel has and that an app must not see; a directory ends in `/`. */
export function maskedPaths(more: readonly string[] = []): string[] {
  return [...MASKED, ...more].flatMap((path) => {
    const status = statSync(path, { throwIfNoEntry: false });
    return status === undefined ? [] : [status.isDirectory() ? `${path}/` : path];
  });
}

/** The paths that this kernel has and that an app must not write. */
export function readOnlyPaths(): string[] {
  return READ_ONLY.filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
}
