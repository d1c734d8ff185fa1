// SPDX-License-Identifier: Apache-2.0
// OpenPGP keys and signatures made octet by octet, as no program makes them: RFC 9580 version 4, EdDSA, signed by node:crypto.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';

/** Types of signatures, RFC 9580 section 5.2.1. */
const TYPE = { binary: 0x00, certification: 0x13, subkeyBinding: 0x18, primaryBinding: 0x19, subkeyRevocation: 0x28 };
const TAG = { signature: 2, publicKey: 6, userId: 13, publicSubkey: 14 };
const EDDSA = 22;
const SHA512 = 10;
/** The curve by its object identifier, with the length before it. */
const ED25519 = Buffer.from('092b06010401da470f01', 'hex');

export const FLAG = { certify: 1, sign: 2, encrypt: 12 } as const;

/** A subpacket of a signature; the highest bit of its type says that it is critical. */
export type Subpacket = readonly [type: number, body: Buffer];

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const short = (value: number): Buffer => number(value).subarray(2);
const seconds = (date: string): number => Date.parse(date) / 1000;

/** The subpackets that tests name. */
export const subpacket = {
  created: (date: string): Subpacket => [2, number(seconds(date))],
  expires: (afterSeconds: number): Subpacket => [3, number(afterSeconds)],
  keyExpires: (afterSeconds: number): Subpacket => [9, number(afterSeconds)],
  notation: (name: string, critical: boolean): Subpacket => [
    critical ? 0x94 : 20,
    Buffer.concat([Buffer.from([0x80, 0, 0, 0]), short(name.length), short(1), Buffer.from(`${name}x`)]),
  ],
  /** What older programs look for. */
  keyId: ({ fingerprint }: Part): Subpacket => [16, Buffer.from(fingerprint.slice(-16), 'hex')],
  flags: (flags: number): Subpacket => [27, Buffer.from([flags])],
  embedded: (signature: Buffer): Subpacket => [32, signature],
  issuer: ({ fingerprint }: Part): Subpacket => [33, Buffer.from(`04${fingerprint}`, 'hex')],
  unknown: (critical: boolean): Subpacket => [critical ? 0xe4 : 100, Buffer.from('x')],
};

/** A primary key or a subkey with its secret. */
export interface Part {
  readonly fingerprint: string;
  /** What signatures over the key cover of it. */
  readonly hashed: Buffer;
  readonly body: Buffer;
  readonly sign: (digest: Buffer) => Buffer;
}

/** A new key. */
export function makePart(created = '2020-01-01T00:00:00Z'): Part {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const material = Buffer.concat([ED25519, integer(Buffer.concat([Buffer.from([0x40]), point]))]);
  const body = Buffer.concat([Buffer.from([4]), number(seconds(created)), Buffer.from([EDDSA]), material]);
  const hashed = Buffer.concat([Buffer.from([0x99]), short(body.length), body]);
  const fingerprint = createHash('sha1').update(hashed).digest('hex');
  return { fingerprint, hashed, body, sign: (digest) => sign(null, digest, privateKey) };
}

/** A number of many digits, without leading zeros. */
function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Buffer.alloc(0) : bytes.subarray(first);
  const bits = digits.length === 0 ? 0 : (digits.length - 1) * 8 + (32 - Math.clz32(digits[0] ?? 0));
  return Buffer.concat([short(bits), digits]);
}

function packet(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xc0 | tag, 0xff]), number(body.length), body]);
}

/** What a signature says. */
export interface Said {
  readonly hashed: readonly Subpacket[];
  readonly unhashed?: readonly Subpacket[];
}

/** The body of a signature packet over these bytes. */
function signatureOver(by: Part, [type, bytes]: readonly [number, Buffer], { hashed, unhashed = [] }: Said): Buffer {
  const head = Buffer.concat([Buffer.from([4, type, EDDSA, SHA512]), areaOf(hashed)]);
  const trailer = Buffer.concat([Buffer.from([4, 0xff]), number(head.length)]);
  const digest = createHash('sha512').update(bytes).update(head).update(trailer).digest();
  const made = by.sign(digest);
  const halves = [integer(made.subarray(0, 32)), integer(made.subarray(32))];
  return Buffer.concat([head, areaOf(unhashed), digest.subarray(0, 2), ...halves]);
}

function areaOf(subpackets: readonly Subpacket[]): Buffer {
  const area = Buffer.concat(
    subpackets.map(([type, body]) =>
      Buffer.concat([Buffer.from([0xff]), number(body.length + 1), Buffer.from([type]), body]),
    ),
  );
  return Buffer.concat([short(area.length), area]);
}

/** A detached signature over a content. */
export function signContent(by: Part, content: Buffer, said: Said): Buffer {
  return packet(TAG.signature, signatureOver(by, [TYPE.binary, content], said));
}

/** The packets of a primary key, which says this of itself, or somebody else does. */
export function primaryOf(primary: Part, said: Said, by = primary): Buffer {
  const userId = Buffer.from('Handmade <handmade@example.com>');
  const over = Buffer.concat([primary.hashed, Buffer.from([0xb4]), number(userId.length), userId]);
  const certification = signatureOver(by, [TYPE.certification, over], said);
  return Buffer.concat([
    packet(TAG.publicKey, primary.body),
    packet(TAG.userId, userId),
    packet(TAG.signature, certification),
  ]);
}

/** The packet of a subkey. */
export const subkeyOf = (subkey: Part): Buffer => packet(TAG.publicSubkey, subkey.body);

/** Packets by which a primary key takes a subkey for its own, or gives it up. */
export function bindingOf(primary: Part, subkey: Part, { by = primary, ...said }: Said & { by?: Part }): Buffer {
  const over = Buffer.concat([primary.hashed, subkey.hashed]);
  return packet(TAG.signature, signatureOver(by, [TYPE.subkeyBinding, over], said));
}

export function revocationOf(primary: Part, subkey: Part, said: Said): Buffer {
  const over = Buffer.concat([primary.hashed, subkey.hashed]);
  return packet(TAG.signature, signatureOver(primary, [TYPE.subkeyRevocation, over], said));
}

/** The signature by which a subkey takes a primary key for its own, to be embedded in the binding. */
export function backOf(primary: Part, subkey: Part, { by = subkey, ...said }: Said & { by?: Part }): Buffer {
  return signatureOver(by, [TYPE.primaryBinding, Buffer.concat([primary.hashed, subkey.hashed])], said);
}
