// SPDX-License-Identifier: Apache-2.0
import type { Context } from '@rkt/command';
import type { Failure } from '@rkt/exit';
import type { Descriptor, ListedReferrer } from '@rkt/formats';
import type { Digest } from '@rkt/names';
import type { Store } from '@rkt/store';
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
  readonly document: (descriptor: Pointer, signal?: AbortSignal) => Promise<SourceDocument>;
  /** The bytes of a blob from an offset on; whoever reads them checks their digest. */
  readonly blob: (descriptor: Descriptor, offset: number, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** What refers to a manifest or index, such as its signatures. */
  readonly referrers: (digest: Digest, wish: ReferrersWish) => Promise<Referrers>;
  /** The manifest under another tag of the same repository, undefined if there is none. */
  readonly tagged: (tag: string, signal: AbortSignal) => Promise<SourceDocument | undefined>;
  /** Signed messages of containers-signature(5) about a manifest or index. */
  readonly messages: (digest: Digest, signal: AbortSignal) => Promise<readonly Buffer[]>;
  /** Told that the bytes of a blob were wrong: true if the blob can be had from somewhere else, and asking again is worth it. */
  readonly passOver?: (descriptor: Descriptor, error: Failure) => boolean;
  /** From where the image is really taken, if that may be another place than its name says. */
  readonly location?: () => string;
  readonly close: () => Promise<void>;
}

/** What it takes to find a document. */
export type Pointer = Pick<Descriptor, 'digest' | 'mediaType'>;

/** Which referrers are wanted, and how many at most. */
export interface ReferrersWish {
  readonly isWanted: (referrer: ListedReferrer) => boolean;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Referrers that were found; `isCut` if there are more. */
export interface Referrers {
  readonly referrers: readonly Pick<ListedReferrer, 'digest'>[];
  readonly isCut: boolean;
}

/** What sources are opened with. */
export interface SourceOptions {
  readonly context: Context;
  readonly insecure: Insecure;
  readonly authFile: string | undefined;
  /** The credentials that were handed over on standard input. */
  readonly authText: Buffer | undefined;
  readonly tokenHosts: readonly string[];
  /** The directory or URL that stands for all that registries.d says. */
  readonly lookaside: string | undefined;
  /** Where rkt's own configuration is: of the vendor, the administrator and the user. */
  readonly configDirectories: readonly string[];
  /** Where the image goes: what a source has to keep meanwhile, it keeps there. */
  readonly store: Store;
}
