// SPDX-License-Identifier: Apache-2.0
// What refers to an image in a registry: OCI distribution specification, "Listing Referrers" and "Referrers Tag Schema".
import { EXIT, Failure } from '@rkt/exit';
import { DOCUMENT_BYTES_MAX, MEDIA_TYPE, parseListedReferrers, type ListedReferrer } from '@rkt/formats';
import { printable, type Digest } from '@rkt/names';
import { discard, failureOf, headerOf } from './answer.ts';
import { pacedBody, readBody } from './body.ts';
import { type Exchange } from './exchange.ts';
import { type Redactor } from './redact.ts';
import { withRetries, type RetryOptions } from './retry.ts';
import { type HttpResponse, type Timeouts } from './transport.ts';

/** Whose referrers are asked for. */
export interface ReferrersRequest {
  readonly repository: string;
  readonly digest: Digest;
  /** Which of them count, by what the list says about them. Registries need not filter, so nothing is asked of them. */
  readonly isWanted: (referrer: ListedReferrer) => boolean;
  /** How many are wanted at most. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

/** The referrers of an image. */
export interface FoundReferrers {
  readonly referrers: readonly ListedReferrer[];
  /** True if there are more than the limit. */
  readonly isCut: boolean;
}

/** What the asking has to do with. */
export interface ReferrersOptions {
  readonly open: () => Promise<Exchange>;
  readonly host: string;
  readonly timeouts: Timeouts;
  readonly retry: Pick<RetryOptions, 'tries' | 'backoffMs'>;
  readonly redactor: Redactor;
  /** Gets what is under a tag, undefined if nothing is. */
  readonly tagged: (repository: string, tag: string, signal?: AbortSignal) => Promise<Buffer | undefined>;
}

/** How many pages of a list are read. */
const PAGES_MAX = 16;

/** What registries answer that have no such interface. */
const UNSUPPORTED = new Set([400, 404, 405, 406, 501]);

/** Makes the question for referrers. A registry that has no interface for it is asked once, and from then on for the tag alone. */
export function makeReferrers(options: ReferrersOptions): (request: ReferrersRequest) => Promise<FoundReferrers> {
  let isSupported = true;
  return async (request) => {
    const listed = isSupported ? await fromInterface(options, request) : undefined;
    if (listed !== undefined) return listed;
    isSupported = false;
    const { repository, digest, signal } = request;
    const tag = digest.replace(':', '-');
    const bytes = await options.tagged(repository, tag, signal);
    const all =
      bytes === undefined ? [] : parseListedReferrers(bytes, `the tag "${tag}" of "${printable(repository)}"`);
    return cut(all.filter(request.isWanted), request.limit);
  };
}

function cut(referrers: readonly ListedReferrer[], limit: number): FoundReferrers {
  return { referrers: referrers.slice(0, limit), isCut: referrers.length > limit };
}

/** Reads the pages of a list, until there are enough; undefined if the registry has no such list. */
async function fromInterface(
  options: ReferrersOptions,
  request: ReferrersRequest,
): Promise<FoundReferrers | undefined> {
  const found = new Map<Digest, ListedReferrer>();
  let path: string | undefined = `referrers/${request.digest}`;
  for (let pages = 0; path !== undefined; pages += 1) {
    if (found.size > request.limit || pages === PAGES_MAX)
      return { ...cut([...found.values()], request.limit), isCut: true };
    const page: Page | undefined = await getPage(options, request, path);
    if (page === undefined) return pages === 0 ? undefined : cut([...found.values()], request.limit);
    for (const referrer of page.referrers) if (request.isWanted(referrer)) found.set(referrer.digest, referrer);
    ({ next: path } = page);
  }
  return cut([...found.values()], request.limit);
}

interface Page {
  readonly referrers: readonly ListedReferrer[];
  /** The path of the next page. */
  readonly next: string | undefined;
}

async function getPage(
  options: ReferrersOptions,
  { repository, digest, signal }: ReferrersRequest,
  path: string,
): Promise<Page | undefined> {
  const { host, timeouts, redactor, retry } = options;
  const name = `docker://${host}/${repository}@${digest}`;
  const cannot = `cannot list the referrers of "${printable(name)}"`;
  // Twice, not five times: a registry that stumbles over the question is no reason to wait.
  return withRetries({ ...retry, tries: Math.min(2, retry.tries), signal }, async () => {
    const { get } = await options.open();
    const response = await get({ repository, path, headers: { accept: MEDIA_TYPE.index }, signal, name });
    if (UNSUPPORTED.has(response.status) || (response.status === 200 && !isIndex(response))) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200) throw await failureOf(response, { cannot, redactor });
    const base = path.startsWith('/') ? path : `/v2/${repository}/${path}`;
    const next = nextPath(headerOf(response, 'link'), { base, cannot });
    const bytes = await readBody(pacedBody(response, host, timeouts), `the referrers of "${name}"`, DOCUMENT_BYTES_MAX);
    return { referrers: parseListedReferrers(bytes, `the referrers of "${printable(name)}"`), next };
  });
}

function isIndex(response: HttpResponse): boolean {
  const type = (headerOf(response, 'content-type') ?? '').replace(/;.*/s, '').trim().toLowerCase();
  return type === MEDIA_TYPE.index;
}

// Only its path counts: the next page is a page of this registry.
const PLACE = 'http://registry.invalid';

/** The path that a `Link` header with `rel="next"` leads to: RFC 8288, as the distribution specification uses it. */
function nextPath(
  header: string | undefined,
  { base, cannot }: { readonly base: string; readonly cannot: string },
): string | undefined {
  const [, target] = /<([^>]*)>\s*;[^,]*\brel="?next\b/i.exec(header ?? '') ?? [];
  if (target === undefined) return undefined;
  const url = URL.parse(target, `${PLACE}${base}`);
  if (url === null) throw new Failure(EXIT.dataRefused, `${cannot}: the registry names no address for the rest`);
  return `${url.pathname}${url.search}`;
}
