// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { EXIT, Failure } from '@rkt/exit';
import { DOCUMENT_BYTES_MAX, isSchema1, MEDIA_TYPE, SCHEMA1, schema1Payload } from '@rkt/formats';
import { isDigest, parseDigest, printable, type Digest } from '@rkt/names';
import { failureOf, headerOf } from './answer.ts';
import { makeAuthorizer } from './auth.ts';
import { pacedBody, readBody } from './body.ts';
import { findCredentials, type Credentials, type CredentialSources } from './credentials.ts';
import { download, type BlobRequest } from './download.ts';
import { makeExchange, type Exchange } from './exchange.ts';
import { locate } from './locate.ts';
import { makeRedactor } from './redact.ts';
import { makeReferrers, type FoundReferrers, type ReferrersRequest } from './referrers.ts';
import { RETRIES, withRetries } from './retry.ts';
import { signedMessages } from './signed-messages.ts';
import { makeTransport, TIMEOUTS, type HttpResponse, type Timeouts } from './transport.ts';

/** What the client of one registry is made of. */
export interface RegistryOptions extends CredentialSources {
  /** The host as a reference names it, such as `docker.io` or `127.0.0.1:5000`. */
  readonly host: string;
  /** Plain HTTP where there is no TLS; any certificate. */
  readonly insecure: { readonly http: boolean; readonly tls: boolean };
  readonly userAgent: string;
  /** Tells the user something that is not a result. */
  readonly note: (message: string) => void;
  readonly tokenHosts?: readonly string[];
  readonly timeouts?: Partial<Timeouts>;
  readonly retry?: { readonly tries: number; readonly backoffMs: number };
}

/** A manifest or index as the registry sent it, of the digest that its bytes have; one of schema 1 without its signature. */
export interface ReceivedManifest {
  readonly bytes: Buffer;
  readonly digest: Digest;
  /** What the registry calls it, if that is more than `application/json`. */
  readonly mediaType: string | undefined;
}

/** The client of one registry: distribution specification, pulling. */
export interface RegistryClient {
  /** Gets a manifest or index by tag or digest. */
  readonly manifest: (repository: string, reference: string, signal?: AbortSignal) => Promise<ReceivedManifest>;
  /** The bytes of a blob from an offset on, continued after cuts; whoever reads them checks their digest. */
  readonly blob: (request: BlobRequest) => AsyncIterable<Uint8Array>;
  /** What refers to a manifest or index, by the registry's list or by the tag that stands for one; nothing is no error. */
  readonly referrers: (request: ReferrersRequest) => Promise<FoundReferrers>;
  /**
   * The signed messages of containers-signature(5) that a registry with the extension for them keeps for an image. Whether it has
   * the extension is known from its earlier answers; one that has not is not asked.
   */
  readonly signedMessages: (repository: string, digest: Digest, signal?: AbortSignal) => Promise<readonly Buffer[]>;
  readonly close: () => Promise<void>;
}

// Nobody is asked for schema 1: it is taken where it is all there is.
const ACCEPT = [MEDIA_TYPE.manifest, MEDIA_TYPE.dockerManifest, MEDIA_TYPE.index, MEDIA_TYPE.dockerIndex].join(', ');

/** What servers say that do not know what they serve. */
const VAGUE = new Set(['application/json', 'application/octet-stream', 'text/plain', '']);

/** Makes the client of one registry; nothing is sent before the first question. */
export function makeRegistryClient(options: RegistryOptions): RegistryClient {
  const note = eachOnce(options.note);
  const timeouts: Timeouts = { ...TIMEOUTS, ...options.timeouts };
  const retry = options.retry ?? RETRIES;
  const redactor = makeRedactor();
  // The name under which people know the first registry is not the one that serves it.
  const host = options.host === 'docker.io' ? 'registry-1.docker.io' : options.host;
  const transport = makeTransport({ ...options, host, insecureTls: options.insecure.tls, timeouts });
  const credentials = rememberCredentials(options);
  const connect = async () => {
    const registry = await locate({ host, allowHttp: options.insecure.http, transport, note });
    const tokenHosts = options.tokenHosts ?? [];
    const authorizer = makeAuthorizer({ registry, transport, redactor, credentials, tokenHosts, note, retry });
    return makeExchange({ registry, transport, authorizer, redactor, note });
  };
  let exchange: Promise<Exchange> | undefined;
  const open = () => {
    exchange ??= connect().catch((error: unknown) => {
      exchange = undefined;
      throw error;
    });
    return exchange;
  };
  const manifest: RegistryClient['manifest'] = (repository, reference, signal) =>
    withRetries({ ...retry, signal }, async () => {
      const { get } = await open();
      return getManifest(get, { host: options.host, repository, reference, timeouts, redactor, signal });
    });
  const asking = { open, host: options.host, timeouts, retry, redactor };
  return {
    manifest,
    blob: (request) => download(asking, request),
    referrers: makeReferrers({ ...asking, tagged: async (...tag) => (await orNothing(manifest(...tag)))?.bytes }),
    signedMessages: (repository, digest, signal) => signedMessages(asking, { repository, digest, signal }),
    close: () => transport.close(),
  };
}

function eachOnce(note: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (!told.has(message)) note(message);
    told.add(message);
  };
}

function rememberCredentials(options: RegistryOptions): (repository: string) => Promise<Credentials | undefined> {
  const known = new Map<string, Promise<Credentials | undefined>>();
  return (repository) => {
    const found = known.get(repository) ?? findCredentials({ host: options.host, repository }, options);
    known.set(repository, found);
    return found;
  };
}

/** What was asked for, or undefined if the registry does not have it. */
async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Failure && error.status === EXIT.notFound) return undefined;
    throw error;
  }
}

interface ManifestRequest {
  readonly host: string;
  readonly repository: string;
  readonly reference: string;
  readonly timeouts: Timeouts;
  readonly redactor: ReturnType<typeof makeRedactor>;
  readonly signal: AbortSignal | undefined;
}

async function getManifest(get: Exchange['get'], request: ManifestRequest): Promise<ReceivedManifest> {
  const { host, repository, reference, timeouts, redactor, signal } = request;
  const name = `docker://${host}/${repository}${isDigest(reference) ? '@' : ':'}${reference}`;
  const response = await get({ repository, path: `manifests/${reference}`, headers: { accept: ACCEPT }, signal, name });
  if (response.status !== 200)
    throw await failureOf(response, { cannot: `cannot fetch "${printable(name)}"`, redactor });
  const what = `the manifest of "${name}"`;
  const body = await readBody(pacedBody(response, host, timeouts), what, DOCUMENT_BYTES_MAX);
  const { bytes, mediaType } = unsigned(body, mediaTypeOf(response), what);
  const digest = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  const claimed = headerOf(response, 'docker-content-digest');
  for (const wanted of [
    isDigest(reference) ? reference : undefined,
    claimed?.startsWith('sha256:') ? claimed : undefined,
  ]) {
    if (wanted === undefined || wanted === digest) continue;
    throw new Failure(
      EXIT.dataRefused,
      `cannot fetch "${printable(name)}": the manifest has the digest "${digest}": wanted "${printable(wanted)}"`,
    );
  }
  return { bytes, digest, mediaType };
}

function mediaTypeOf(response: HttpResponse): string | undefined {
  const mediaType = (headerOf(response, 'content-type') ?? '').replace(/;.*/s, '').trim().toLowerCase();
  return VAGUE.has(mediaType) ? undefined : mediaType;
}

/** The digest of a manifest of schema 1 is of what its signature encloses: distribution specification of docker, "Content Digests". */
function unsigned(
  bytes: Buffer,
  mediaType: string | undefined,
  what: string,
): Pick<ReceivedManifest, 'bytes' | 'mediaType'> {
  if (!isSchema1(bytes, mediaType)) return { bytes, mediaType };
  return { bytes: schema1Payload(bytes, { what: printable(what) }), mediaType: SCHEMA1 };
}
