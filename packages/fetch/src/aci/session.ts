// SPDX-License-Identifier: Apache-2.0
import type { AppcReference } from '@rkt/names';
import type { FetchOptions } from '../fetch-image.ts';
import type { ImportRequest, StoredAci } from './import.ts';
import type { Network } from './network.ts';

/** The fetch of one image in appc's format with all that it depends on. */
export interface Session extends AsyncDisposable {
  readonly options: FetchOptions;
  /** Gets the ACI at an address, if it is not known to be what is there. */
  readonly download: (url: string, request: ImportRequest) => Promise<StoredAci>;
  /** Finds the address of an image by its name, and gets what is there. */
  readonly discoverAndDownload: (reference: AppcReference, request: ImportRequest) => Promise<StoredAci>;
  /** Finds by its name where the signature of an image is that the store has, and keeps it. What fails is a note. */
  readonly discoverSignature: (reference: AppcReference, aci: StoredAci, request: ImportRequest) => Promise<void>;
}

/** Begins a fetch; `host` is the one that the user named. Nothing of the network is loaded before it is needed. */
export function makeSession(options: FetchOptions, host: string | undefined): Session {
  let made: Promise<Network> | undefined;
  const network = () => (made ??= import('./network.ts').then(({ makeNetwork }) => makeNetwork(options, host)));
  return {
    options,
    download: async (url, request) => (await network()).download(url, request),
    discoverAndDownload: async (reference, request) => (await network()).discoverAndDownload(reference, request),
    discoverSignature: async (reference, aci, request) => (await network()).discoverSignature(reference, aci, request),
    // Whoever asked for it has heard of it if it could not be made.
    [Symbol.asyncDispose]: async () =>
      made?.then(
        (one) => one[Symbol.asyncDispose](),
        () => undefined,
      ),
  };
}
