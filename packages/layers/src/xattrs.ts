// SPDX-License-Identifier: Apache-2.0
import type { EntryType } from './tar/reader.ts';

/** The bits of CAP_CHOWN to CAP_CHECKPOINT_RESTORE in the second word of a capability set. */
const KNOWN_HIGH = 0x1ff;
const REVISION_1 = 0x0100_0000;
const REVISION_2 = 0x0200_0000;
const REVISION_3 = 0x0300_0000;

/**
 * The value with which an extended attribute of an entry is kept, or undefined if it is dropped.
 *
 * What overlayfs, security modules and access control lists read is none of an image's business;
 * `user.*`, which the kernel has on files and directories only, and file capabilities remain.
 */
export function allowedXattr(type: EntryType, name: string, value: Buffer): Buffer | undefined {
  if (type !== 'file' && type !== 'directory') return undefined;
  if (name === 'security.capability') return type === 'file' ? capabilityV2(value) : undefined;
  return /^user\.(?!overlay\.)[^\0]+$/s.test(name) ? value : undefined;
}

/** The value as revision 2, which is relative to no user namespace; undefined if it is malformed or of another namespace. */
function capabilityV2(value: Buffer): Buffer | undefined {
  if (value.length < 4) return undefined;
  const magic = value.readUInt32LE(0);
  const revision = (magic & 0xff00_0000) >>> 0;
  const lengths = new Map([
    [REVISION_1, 12],
    [REVISION_2, 20],
    [REVISION_3, 24],
  ]);
  if (value.length !== lengths.get(revision) || (magic & 0x00ff_fffe) !== 0) return undefined;
  if (revision === REVISION_3 && value.readUInt32LE(20) !== 0) return undefined;
  const rewritten = Buffer.alloc(20);
  value.copy(rewritten, 0, 0, Math.min(value.length, 20));
  rewritten.writeUInt32LE((REVISION_2 | (magic & 1)) >>> 0, 0);
  for (const at of [12, 16]) rewritten.writeUInt32LE(rewritten.readUInt32LE(at) & KNOWN_HIGH, at);
  return rewritten;
}
