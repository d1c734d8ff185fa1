// SPDX-License-Identifier: Apache-2.0
import { Refused } from './refusal.ts';

const BEGIN = /^-----BEGIN PGP ([A-Z ]+)-----$/;
const END = /^-----END PGP ([A-Z ]+)-----$/;
const HEADER = /^[A-Za-z][A-Za-z0-9-]*: ?.*$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/**
 * What may stand behind a line, RFC 9580 section 6.2: whatever else is invisible is not taken for nothing.
 *
 * Tried at the beginning of a run alone, so that a long line costs no more than its length.
 */
const SPACE = /(?<![ \t\r])[ \t\r]+$/;
const CHECKSUM = /^=[A-Za-z0-9+/]{4}$/;

/** True if the bytes begin as ASCII armor does; a binary OpenPGP packet begins with the highest bit set. */
export function isArmored(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 1024)).toString('latin1').trimStart().startsWith('-----BEGIN');
}

/**
 * The contents of all blocks of ASCII armor with this label, such as `SIGNATURE`; anything but space outside of them is refused.
 *
 * Other readers skip what they do not know, so that of two blocks one is silently lost. The checksum is not looked at, as RFC 9580
 * demands: it protects nothing that a signature does not.
 */
export function dearmor(bytes: Uint8Array, label: string): Uint8Array[] {
  const lines = Buffer.from(bytes)
    .toString('latin1')
    .split('\n')
    .map((line) => line.replace(SPACE, ''));
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    if (lines[at] === '') continue;
    const end = endOfBlock(lines, at, label);
    blocks.push(contentOf(lines.slice(at + 1, end)));
    at = end;
  }
  return blocks;
}

function endOfBlock(lines: readonly string[], start: number, label: string): number {
  const begun = BEGIN.exec(lines[start] ?? '')?.[1];
  if (begun === undefined) throw new Refused('malformed', `line ${start + 1} is outside of the ASCII armor`);
  if (begun !== label) throw new Refused('malformed', `it holds a block "PGP ${begun}": wanted "PGP ${label}"`);
  const length = lines.slice(start + 1).findIndex((line) => line.startsWith('-'));
  const end = start + 1 + length;
  if (length < 0 || END.exec(lines[end] ?? '')?.[1] !== label)
    throw new Refused('malformed', `the block "PGP ${label}" of line ${start + 1} does not end`);
  return end;
}

function contentOf(lines: readonly string[]): Uint8Array {
  const blank = lines.indexOf('');
  const headers = lines.slice(0, Math.max(blank, 0));
  if (!headers.every((line) => HEADER.test(line)))
    throw new Refused('malformed', 'a header of the ASCII armor is wrong');
  const body = lines.slice(blank + 1);
  if (CHECKSUM.test(body.at(-1) ?? '')) body.pop();
  const text = body.join('');
  if (!BASE64.test(text) || text.length % 4 !== 0) throw new Refused('malformed', 'the ASCII armor is not base64');
  return Buffer.from(text, 'base64');
}
