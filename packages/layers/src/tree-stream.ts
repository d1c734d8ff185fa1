// SPDX-License-Identifier: Apache-2.0
import { isUtf8 } from 'node:buffer';

/*
 * The tree stream: what the process that reads a layer tells the process that makes its files.
 *
 * It is lines of words in the encoding of rkt-plan(5), with one exception: words are bytes and need not be UTF-8.
 * Paths are beneath the root of the tree, without "." and ".." components, doubled, leading or trailing slashes; "." is the root.
 * The first line is "tree 1", the version. Then, in any order, come entries:
 *
 *   dir PATH MODE UID GID SEC NSEC            a directory; one that is there keeps its children and takes the attributes
 *   file PATH MODE UID GID SEC NSEC SIZE      a regular file of that size, all holes
 *   symlink PATH TARGET UID GID SEC NSEC      a symbolic link
 *   fifo PATH MODE UID GID SEC NSEC           a named pipe
 *   link PATH OLDPATH                         one more name of a file, pipe or symbolic link that is there
 *   remove PATH                               whatever layers below have at the path disappears; nothing there is fine
 *   opaque PATH                               whatever layers below have in the directory disappears
 *
 * and details of the entry before them:
 *
 *   data OFFSET LENGTH                        of a file: LENGTH raw bytes that follow the line belong at OFFSET; ascending
 *   xattr NAME HEX                            of a file, after its data, or a directory: an extended attribute
 *
 * "remove" and "opaque" never affect what this stream has made, whichever comes first.
 * A path whose parent is missing has it made, mode 0755 and owned by root.
 * Where layers below have something else than a directory in the parent, a directory takes its place;
 * where this stream has made something else there, the stream is refused.
 * The last line is "end COUNT", the number of entries; a stream without it was cut short.
 */

/** Owner and time of an entry. */
export interface Attributes {
  readonly uid: number;
  readonly gid: number;
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** One line of a tree stream; strings are bytes, one character each. */
export type TreeLine =
  | { readonly op: 'tree'; readonly version: 1 }
  | ({ readonly op: 'dir' | 'fifo'; readonly path: string; readonly mode: number } & Attributes)
  | ({ readonly op: 'file'; readonly path: string; readonly mode: number; readonly size: number } & Attributes)
  | ({ readonly op: 'symlink'; readonly path: string; readonly target: string } & Attributes)
  | { readonly op: 'link'; readonly path: string; readonly oldpath: string }
  | { readonly op: 'remove' | 'opaque'; readonly path: string }
  | { readonly op: 'data'; readonly offset: number; readonly length: number }
  | { readonly op: 'xattr'; readonly name: string; readonly value: Buffer }
  | { readonly op: 'end'; readonly count: number };

/** The bytes of one line, one character each, with its line feed. */
export function printTreeLine(line: TreeLine): string {
  return `${[line.op, ...wordsOf(line)].join(' ')}\n`;
}

function wordsOf(line: TreeLine): readonly (string | number)[] {
  switch (line.op) {
    case 'tree':
      return [line.version];
    case 'dir':
    case 'fifo':
      return [printBytes(line.path), octal(line.mode), ...attributes(line)];
    case 'file':
      return [printBytes(line.path), octal(line.mode), ...attributes(line), line.size];
    case 'symlink':
      return [printBytes(line.path), printBytes(line.target), ...attributes(line)];
    case 'link':
      return [printBytes(line.path), printBytes(line.oldpath)];
    case 'remove':
    case 'opaque':
      return [printBytes(line.path)];
    case 'data':
      return [line.offset, line.length];
    case 'xattr':
      return [printBytes(line.name), line.value.length === 0 ? '""' : line.value.toString('hex')];
    case 'end':
      return [line.count];
  }
}

function attributes({ uid, gid, seconds, nanoseconds }: Attributes): number[] {
  return [uid, gid, seconds, nanoseconds];
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** A word of bytes: what has a meaning in a line, and all that is not ASCII if it is not UTF-8, as octal. */
function printBytes(bytes: string): string {
  if (bytes === '""') return String.raw`\042\042`;
  if (/^[!-[\]-~]+$/.test(bytes)) return bytes;
  const escaped = isUtf8(Buffer.from(bytes, 'latin1')) ? /[\u0001-\u0020\u007f\\]/g : /[\u0001-\u0020\u007f-\u00ff\\]/g;
  return bytes.replace(escaped, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
