// SPDX-License-Identifier: Apache-2.0
// Writes tar archives by hand, with everything that image layers may contain and no file system would let an ordinary user make.

/** One member of an archive. Paths and targets are bytes: text is taken as UTF-8. */
export interface Entry {
  readonly path: string | Buffer;
  readonly type?: keyof typeof typeFlags;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since the epoch; the fraction goes into a PAX record. */
  readonly mtime?: { readonly seconds: number; readonly nanoseconds: number };
  readonly content?: string | Buffer;
  readonly target?: string | Buffer;
  readonly device?: { readonly major: number; readonly minor: number };
  /** Extended attributes by name, written as SCHILY.xattr records. */
  readonly xattrs?: Readonly<Record<string, Buffer>>;
  /** How a path or target of more than 100 bytes is written; PAX unless told. */
  readonly longNames?: 'pax' | 'gnu';
}

const typeFlags = { file: '0', link: '1', symlink: '2', char: '3', block: '4', directory: '5', fifo: '6' } as const;

/** The time that every entry has unless told: images built twice are equal. */
export const EPOCH = 1_700_000_000;

const BLOCK = 512;

/** An archive of the entries, in their order, with the two zero blocks at its end. */
export function tar(entries: readonly Entry[]): Buffer {
  return Buffer.concat([...entries.flatMap(member), Buffer.alloc(2 * BLOCK)]);
}

function member(entry: Entry): Buffer[] {
  const path = bytes(entry.path);
  const target = bytes(entry.target ?? '');
  const content = bytes(entry.content ?? '');
  const records = paxRecords(entry, path, target);
  const blocks: Buffer[] = [];
  if (entry.longNames === 'gnu') {
    if (path.length > 100) blocks.push(...special('L', '././@LongLink', Buffer.concat([path, Buffer.alloc(1)])));
    if (target.length > 100) blocks.push(...special('K', '././@LongLink', Buffer.concat([target, Buffer.alloc(1)])));
  }
  if (records.length > 0) blocks.push(...special('x', 'PaxHeaders/entry', Buffer.concat(records)));
  blocks.push(header({ ...entry, path, target, content }), content, padding(content));
  return blocks;
}

function paxRecords(entry: Entry, path: Buffer, target: Buffer): Buffer[] {
  const records: Buffer[] = [];
  if (entry.longNames !== 'gnu') {
    if (path.length > 100) records.push(record('path', path));
    if (target.length > 100) records.push(record('linkpath', target));
  }
  if (entry.mtime && entry.mtime.nanoseconds > 0) {
    const fraction = String(entry.mtime.nanoseconds).padStart(9, '0');
    records.push(record('mtime', Buffer.from(`${entry.mtime.seconds}.${fraction}`)));
  }
  for (const [name, value] of Object.entries(entry.xattrs ?? {})) records.push(record(`SCHILY.xattr.${name}`, value));
  return records;
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
function record(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function special(flag: string, name: string, content: Buffer): Buffer[] {
  return [header({ path: Buffer.from(name), target: Buffer.alloc(0), content, flag }), content, padding(content)];
}

type Header = Omit<Entry, 'path' | 'target' | 'content'> & {
  readonly path: Buffer;
  readonly target: Buffer;
  readonly content: Buffer;
  readonly flag?: string;
};

function header(entry: Header): Buffer {
  const block = Buffer.alloc(BLOCK);
  entry.path.copy(block, 0, 0, 100);
  octal(block, 100, { length: 8, value: entry.mode ?? defaultMode(entry) });
  octal(block, 108, { length: 8, value: entry.uid ?? 0 });
  octal(block, 116, { length: 8, value: entry.gid ?? 0 });
  octal(block, 124, { length: 12, value: entry.content.length });
  octal(block, 136, { length: 12, value: entry.mtime?.seconds ?? EPOCH });
  block.write(entry.flag ?? typeFlags[entry.type ?? 'file'], 156);
  entry.target.copy(block, 157, 0, 100);
  block.write('ustar\x0000', 257, 'latin1');
  octal(block, 329, { length: 8, value: entry.device?.major ?? 0 });
  octal(block, 337, { length: 8, value: entry.device?.minor ?? 0 });
  sealHeader(block);
  return block;
}

/** Writes the checksum of a header block: the sum of its bytes with the checksum's own field read as spaces. */
export function sealHeader(block: Buffer): void {
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\x00 `, 148, 'latin1');
}

function defaultMode(entry: Header): number {
  return entry.type === 'directory' ? 0o755 : entry.type === 'symlink' ? 0o777 : 0o644;
}

function octal(block: Buffer, offset: number, { length, value }: { length: number; value: number }): void {
  block.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
}

function padding(content: Buffer): Buffer {
  return Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
}

function bytes(text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text) : text;
}
