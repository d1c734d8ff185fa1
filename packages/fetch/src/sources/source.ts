// SPDX-License-Identifier: Apache-2.0
import type { Context } from '@rkt/command';
import type { Descriptor } from '@rkt/formats';
import type { Digest } from '@rkt/names';
import type { Insecure } from '../insecure.ts';

/** A manifest or index as a source has it: the digest is of these bytes. */
export interface SourceDocument {
  readonly bytes: Buffer;
  readonly digest: Digest;
  /** What the source calls it, if it says. */
  readonly mediaType: string | undefined;
}

/** Where one image comes from. */
export interface Source {
  /** The manifest or index that the reference means. */
  readonly top: () => Promise<SourceDocument>;
  /** A manifest or index that an index points at. */
  readonly document: (descriptor: Descriptor) => Promise<SourceDocument>;
  /** The bytes of a blob from an offset on; whoever reads them checks their digest. */
  readonly blob: (descriptor: Descriptor, offset: number, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  readonly close: () => Promise<void>;
}

/** What sources are opened with. */
export interface SourceOptions {
  readonly context: Context;
  readonly insecure: Insecure;
  readonly authFile?: string | undefined;
  /** The credentials that were handed over on standard input. */
  readonly authText?: Buffer | undefined;
  readonly tokenHosts: readonly string[];
}
