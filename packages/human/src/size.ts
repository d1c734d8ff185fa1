// SPDX-License-Identifier: Apache-2.0

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A number of bytes in binary units: `512B`, `1.2MiB`, `34GiB`. */
export function printSize(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  let value = bytes;
  let unit = '';
  for (const next of UNITS) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)}${unit}`;
}
