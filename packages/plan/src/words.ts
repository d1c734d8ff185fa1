// SPDX-License-Identifier: Apache-2.0

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text that the bytes are, or undefined if they are not well-formed UTF-8.
 *
 * A byte order mark is kept: it is not part of the language, and must not vanish on the way.
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** One word of a plan: spaces, control bytes and backslashes as three octal digits; undefined for what no plan can hold. */
export function printWord(text: string): string | undefined {
  if (text === '') return '""';
  if (text === '""') return String.raw`\042\042`;
  if (text.includes('\0') || !text.isWellFormed()) return undefined;
  return text.replace(/[\u0001-\u0020\u007f\\]/g, escapeByte);
}

/** The text that a word stands for, or undefined if its escapes are malformed or do not make UTF-8. */
export function parseWord(word: string): string | undefined {
  if (word === '""') return '';
  if (!word.includes('\\')) return word;
  if (!/^(?:[^\\]|\\[0-3][0-7]{2})*$/.test(word)) return undefined;
  const pieces = word.split(/(\\[0-7]{3})/).map((piece) => {
    if (piece.startsWith('\\')) return Buffer.from([Number.parseInt(piece.slice(1), 8)]);
    return Buffer.from(piece, 'utf8');
  });
  const bytes = Buffer.concat(pieces);
  return bytes.includes(0) ? undefined : decodeUtf8(bytes);
}

const MESSAGE_CHARACTERS = 64;

/** Text of a plan in a message: printable ASCII, everything else as octal bytes, and not too long. */
export function quote(text: string): string {
  return quoteWhole(text.length > MESSAGE_CHARACTERS ? `${text.slice(0, MESSAGE_CHARACTERS)}...` : text);
}

/** Text of a plan for people who want to see all of it: printable ASCII, everything else as octal bytes. */
export function quoteWhole(text: string): string {
  const escaped = [...Buffer.from(text, 'utf8')].map((byte) => {
    const character = String.fromCharCode(byte);
    return byte < 0x20 || byte > 0x7e ? escapeByte(character) : character;
  });
  return `"${escaped.join('')}"`;
}

function escapeByte(character: string): string {
  return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
}
