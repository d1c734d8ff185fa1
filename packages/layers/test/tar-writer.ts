// SPDX-License-Identifier: Apache-2.0

/** Fields of a header; strings are bytes, one character each. A number is written in octal, a buffer as it is. */
export interface Fields {
  readonly name: string;
  readonly type?: string;
  readonly mode?: number | Buffer;
  readonly uid?: number | Buffer;
  readonly gid?: number | Buffer;
  readonly size?: number | Buffer;
  readonly mtime?: number | Buffer;
  readonly linkname?: string;
  readonly magic?: string;
  readonly devmajor?: number;
  readonly devminor?: number;
  readonly prefix?: string;
  readonly data?: string | Buffer;
  /** Bytes to put at an offset of the header, before its checksum is made. */
  readonly patch?: readonly (readonly [offset: number, bytes: string])[];
}

/** One entry: its header and its data, padded. */
export function entry(fields: Fields): Buffer {
  const bytes = typeof fields.data === 'object' ? fields.data : Buffer.from(fields.data ?? '', 'latin1');
  const header = Buffer.alloc(512);
  header.write(fields.name.slice(0, 100), 0, 'latin1');
  field(header, [100, 8], fields.mode ?? 0o644);
  field(header, [108, 8], fields.uid ?? 0);
  field(header, [116, 8], fields.gid ?? 0);
  field(header, [124, 12], fields.size ?? bytes.length);
  field(header, [136, 12], fields.mtime ?? 1_700_000_000);
  header.write(fields.type ?? '0', 156, 'latin1');
  header.write((fields.linkname ?? '').slice(0, 100), 157, 'latin1');
  header.write(fields.magic ?? 'ustar\u000000', 257, 'latin1');
  if (fields.magic !== '\0'.repeat(8)) {
    field(header, [329, 8], fields.devmajor ?? 0);
    field(header, [337, 8], fields.devminor ?? 0);
  }
  header.write(fields.prefix ?? '', 345, 'latin1');
  for (const [offset, text] of fields.patch ?? []) header.write(text, offset, 'latin1');
  return Buffer.concat([withChecksum(header), pad(bytes)]);
}

/** An entry whose name or link is longer than a header holds, with the GNU extensions. */
export function gnuLong(fields: Fields): Buffer {
  const long = (type: string, name: string): Buffer =>
    entry({ name: '././@LongLink', type, magic: 'ustar  \0', data: `${name}\0` });
  return Buffer.concat([
    ...(fields.name.length > 100 ? [long('L', fields.name)] : []),
    ...((fields.linkname ?? '').length > 100 ? [long('K', fields.linkname ?? '')] : []),
    entry({ magic: 'ustar  \0', ...fields }),
  ]);
}

/** An extended header with these records. */
export function pax(records: readonly (readonly [key: string, value: string])[], type = 'x'): Buffer {
  return entry({ name: 'PaxHeader', type, data: records.map(([key, value]) => record(key, value)).join('') });
}

/** One record of an extended header. */
export function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (`${length}${rest}`.length !== length) length += 1;
  return `${length}${rest}`;
}

/** A tar of these parts, with its end. */
export function tar(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** The header with the checksum that it should have. */
export function withChecksum(header: Buffer): Buffer {
  header.fill(0x20, 148, 156);
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** A number in base 256. */
export function base256(value: bigint, length: number): Buffer {
  const bits = BigInt(8 * length);
  const bytes = Buffer.from(
    BigInt.asUintN(8 * length, value)
      .toString(16)
      .padStart(Number(bits / 4n), '0'),
    'hex',
  );
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  return bytes;
}

function field(header: Buffer, [offset, length]: readonly [number, number], value: number | Buffer): void {
  if (typeof value === 'number') header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  else value.copy(header, offset, 0, length);
}

function pad(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}
