// SPDX-License-Identifier: Apache-2.0
import type { LayerLimits } from '../limits.ts';
import { quote, refusal } from '../refusal.ts';

/** What an extended header overrides; a record with an empty value overrides nothing. */
export interface Overrides {
  readonly path?: string;
  readonly linkpath?: string;
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: Time;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** The records GNU.sparse.*, without that prefix, in order. */
  readonly sparse: readonly (readonly [key: string, value: string])[];
}

/** A point of time as the kernel has it. */
export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Records in the order of the header: keyword and value, bytes as characters. */
type Records = readonly (readonly [key: string, value: string])[];

const XATTR = 'SCHILY.xattr.';
const SPARSE = 'GNU.sparse.';

/** Reads an extended header of one entry. */
export function parseOverrides(bytes: Buffer, limits: LayerLimits): Overrides {
  const records = parseRecords(bytes);
  const last = new Map(records.filter(([, value]) => value !== ''));
  const path = text(last, 'path');
  const linkpath = text(last, 'linkpath');
  const size = number(last, 'size');
  const uid = number(last, 'uid');
  const gid = number(last, 'gid');
  const mtime = last.get('mtime');
  return {
    ...(path === undefined ? {} : { path }),
    ...(linkpath === undefined ? {} : { linkpath }),
    ...(size === undefined ? {} : { size }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(mtime === undefined ? {} : { mtime: parseTime(mtime) }),
    xattrs: xattrsOf(records, limits),
    sparse: records.flatMap(([key, value]) => (key.startsWith(SPARSE) ? [[key.slice(SPARSE.length), value]] : [])),
  };
}

/** Refuses a global extended header that would change entries: tools do not agree on whether it does. */
export function checkGlobal(bytes: Buffer): void {
  const matters = /^(?:path|linkpath|size|uid|gid|mtime|SCHILY\..*|GNU\..*)$/s;
  const found = parseRecords(bytes).find(([key]) => matters.test(key));
  if (found !== undefined) throw refusal(`a global header with ${quote(found[0])}`);
}

/** `LENGTH KEY=VALUE\n` one after the other, where the length counts all of it. */
function parseRecords(bytes: Buffer): Records {
  const all = bytes.toString('latin1');
  const head = /([1-9][0-9]{0,6}) ([^=\0]+)=/y;
  const records: [string, string][] = [];
  let at = 0;
  while (at < all.length) {
    head.lastIndex = at;
    const [whole, digits, key = ''] = head.exec(all) ?? [];
    if (whole === undefined) throw refusal('malformed record in an extended header');
    const end = at + Number(digits);
    if (end > all.length || at + whole.length >= end || all[end - 1] !== '\n') {
      throw refusal(`malformed record ${quote(key)} in an extended header`);
    }
    records.push([key, all.slice(at + whole.length, end - 1)]);
    at = end;
  }
  return records;
}

function xattrsOf(records: Records, limits: LayerLimits): Map<string, Buffer> {
  const xattrs = new Map<string, Buffer>();
  for (const [key, value] of records) {
    if (!key.startsWith(XATTR)) continue;
    const name = key.slice(XATTR.length);
    if (name === '' || name.length > 255) throw refusal(`malformed name of an extended attribute ${quote(name)}`);
    if (value.length > limits.xattrBytes) throw refusal(`the extended attribute ${quote(name)} is too large`);
    xattrs.set(name, Buffer.from(value, 'latin1'));
  }
  if (xattrs.size > limits.xattrs) throw refusal(`an entry with more than ${limits.xattrs} extended attributes`);
  return xattrs;
}

function text(records: ReadonlyMap<string, string>, key: string): string | undefined {
  const value = records.get(key);
  if (value?.includes('\0') === true) throw refusal(`a NUL byte in the record ${key} of an extended header`);
  return value;
}

function number(records: ReadonlyMap<string, string>, key: string): number | undefined {
  const value = records.get(key);
  return value === undefined ? undefined : parseDecimal(value, key);
}

/** A decimal number of a record; leading zeros are harmless, nothing else is. */
export function parseDecimal(value: string, key: string): number {
  const parsed = /^[0-9]{1,20}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(parsed)) throw refusal(`malformed ${key} ${quote(value)} in an extended header`);
  return parsed;
}

function parseTime(value: string): Time {
  const match = /^(-?)([0-9]{1,16})(?:\.([0-9]*))?$/.exec(value);
  if (match === null) throw refusal(`malformed mtime ${quote(value)} in an extended header`);
  const [, sign, seconds = '', fraction = ''] = match;
  if (sign === '-') return { seconds: 0, nanoseconds: 0 };
  return { seconds: parseDecimal(seconds, 'mtime'), nanoseconds: Number(fraction.slice(0, 9).padEnd(9, '0')) };
}
