// SPDX-License-Identifier: Apache-2.0
import { checkWanted, discover, type Endpoint } from '@rkt/appc';
import { VERSION } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { platformLabels } from '@rkt/formats';
import { printable, type AppcReference } from '@rkt/names';
import { makeWeb, printUrl, type Web } from '@rkt/registry';
import type { FetchOptions } from '../fetch-image.ts';
import { readAuthConfig } from './auth-config.ts';
import { download } from './download.ts';
import { freshUntil, validatorsOf, type Validators } from './freshness.ts';
import { checkAci, nameAci, readStoredAci, type ImportRequest, type StoredAci } from './import.ts';
import { attemptSignature, isSigned } from './signature.ts';
import { downloadSignature } from './signature-download.ts';

/** The largest part of a page that is looked at. */
const PAGE_BYTES_MAX = 1024 * 1024;

/** The servers that one fetch has to do with. */
export interface Network extends AsyncDisposable {
  readonly download: (url: string, request: ImportRequest) => Promise<StoredAci>;
  readonly discoverAndDownload: (reference: AppcReference, request: ImportRequest) => Promise<StoredAci>;
  readonly discoverSignature: (reference: AppcReference, aci: StoredAci, request: ImportRequest) => Promise<void>;
}

/** Makes the network of one fetch; `named` is the host that the user named, if he named one. */
export function makeNetwork(options: FetchOptions, named: string | undefined): Network {
  const { context, insecure } = options;
  const begunMs = Date.now();
  const authorize = readAuthConfig(options.configDirectories).authorizationFor;
  const webs = new Map<string, Web>();
  const webOf = (host: string): Web => {
    const found = webs.get(named ?? host);
    const made =
      found ?? makeWeb({ ...context, host: named ?? host, insecure, authorize, userAgent: `rkt/${VERSION}` });
    webs.set(named ?? host, made);
    return made;
  };
  const gettingAt = (url: URL): Getting => ({ options, begunMs, web: webOf(url.host) });
  const sign = (aci: StoredAci, address: string, signal: AbortSignal) => {
    const url = new URL(address);
    return downloadSignature(aci, { url, web: webOf(url.host), store: options.store, signal });
  };
  const get = async ({ aci: address, signature }: Endpoint, request: ImportRequest) => {
    const url = new URL(address);
    const { aci, isFresh } = await getFile(url, request, gettingAt(url));
    const isKnown = request.isSignatureGiven || (isFresh && isSigned(options.store, aci));
    if (!isKnown) await attemptSignature(request, options, (signal) => sign(aci, signature, signal));
    return aci;
  };
  const find = (reference: AppcReference) =>
    findEndpoint(reference, webOf(reference.name.split('/')[0] ?? ''), options);
  return {
    download: (url, request) => get({ aci: url, signature: signatureOf(url) }, request),
    discoverAndDownload: async (reference, request) => get(await find(reference), request),
    discoverSignature: (reference, aci, request) =>
      attemptSignature(request, options, async (signal) => sign(aci, (await find(reference)).signature, signal)),
    [Symbol.asyncDispose]: async () => {
      for (const web of webs.values()) await web.close();
    },
  };
}

/** The address of the signature of an ACI that was not discovered: beside it. */
function signatureOf(url: string): string {
  const address = new URL(url);
  address.pathname += '.asc';
  return address.href;
}

/** Where an image is: the first address that discovery finds and that we may go to, and that of its signature. */
async function findEndpoint(reference: AppcReference, web: Web, options: FetchOptions): Promise<Endpoint> {
  const { name, labels } = reference;
  const { insecure, platform, context } = options;
  const cannot = `cannot discover image "${printable(name)}"`;
  if (context.debug) context.note(`searching for app image ${name}`);
  const defaults = { ...platformLabels(platform) };
  const endpoints = await discover({ name, labels, defaults }, (url) =>
    web.page(new URL(url), { cannot, bytesMax: PAGE_BYTES_MAX }),
  ).catch((error: unknown) => {
    throw withHint(error, reference, cannot);
  });
  const usable = endpoints.find(({ aci }) => aci.startsWith('https:')) ?? (insecure.http ? endpoints[0] : undefined);
  if (usable !== undefined) return usable;
  throw new Failure(
    EXIT.notPermitted,
    `${cannot}: "${printable(endpoints[0]?.aci ?? '')}" is not encrypted: wanted https, or --insecure-options=http`,
  );
}

/** Whoever writes the name of a registry's image as other engines take it learns how rkt wants it. */
function withHint(error: unknown, { name, labels }: AppcReference, cannot: string): unknown {
  if (!(error instanceof Failure)) return error;
  const why = error.message.startsWith(cannot) ? error.message : `${cannot}: ${error.message}`;
  const version = labels.find((label) => label.name === 'version');
  const reference = `docker://${name}${version === undefined ? '' : `:${version.value}`}`;
  const hint = name.includes('/') ? '' : `: wanted ${printable(reference)} for an image of a registry`;
  return new Failure(error.status, `${why}${hint}`, { cause: error });
}

interface Getting {
  readonly options: FetchOptions;
  readonly begunMs: number;
  readonly web: Web;
}

interface Gotten {
  readonly aci: StoredAci;
  /** The server need not be asked about it. */
  readonly isFresh: boolean;
}

/** Gets the ACI at an address, unless the store has it and it is fresh or the server says that it has not changed. */
async function getFile(url: URL, request: ImportRequest, { options, begunMs, web }: Getting): Promise<Gotten> {
  const { store, progress, context } = options;
  const cannot = `cannot fetch ACI "${printUrl(url)}"`;
  await using incoming = await store.openIncoming(url.href);
  // Read when nobody else can be downloading it: what was done while we waited counts.
  const image = store.findRemote(url.href)?.image;
  const known = image === undefined ? undefined : findKnown(options, image.manifest);
  if (image !== undefined && known !== undefined && (image.fresh > Date.now() || image.downloaded >= begunMs)) {
    if (context.debug) context.note(`image for ${printUrl(url)} isn't expired, not fetching`);
    return { aci: checked(known, request), isFresh: true };
  }
  if (context.debug) context.note(`remote fetching from URL "${printUrl(url)}"`);
  const validators = known === undefined ? undefined : image;
  const done = await download({ url, web, store, incoming, progress, cannot, known: validators });
  const remember = (manifest: StoredAci['digest'], at: Validators) =>
    store.writeRemote({
      url: url.href,
      image: { manifest, downloaded: Date.now(), fresh: freshUntil(done.response, Date.now()), ...at },
    });
  if (done.isUnchanged && known !== undefined && image !== undefined) {
    remember(image.manifest, { etag: image.etag, lastModified: image.lastModified });
    return { aci: checked(known, request), isFresh: false };
  }
  const read = await checkAci(incoming.read(), request).catch((error: unknown) => {
    if (error instanceof Failure) incoming.discard();
    throw error;
  });
  await incoming.finish(read.aciBlob);
  const aci = await nameAci(store, read, request);
  remember(aci.digest, store.findRemote(url.href)?.partial ?? validatorsOf(done.response));
  return { aci, isFresh: false };
}

/** An image of the store, which must be the one that is asked for as well. */
function checked(aci: StoredAci, { wanted }: ImportRequest): StoredAci {
  if (wanted !== undefined) checkWanted(aci.manifest, wanted);
  return aci;
}

/** The image of an earlier download if it is still there, whole and under a name. */
function findKnown({ store }: FetchOptions, manifest: StoredAci['digest']): StoredAci | undefined {
  if (!store.entries().some(({ digest }) => digest === manifest)) return undefined;
  try {
    return readStoredAci(store, manifest);
  } catch (error) {
    // A damaged document: then the file is downloaded again.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
