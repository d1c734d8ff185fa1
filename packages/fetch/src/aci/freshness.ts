// SPDX-License-Identifier: Apache-2.0
import { headerOf, type HttpResponse } from '@rkt/registry';

/** What a server says to recognise a file by. */
export interface Validators {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

/** The longest that a server is believed: what lives longer is a mistake. */
const FRESH_S_MAX = 365 * 24 * 3600;

/** The longest validator that is kept. */
const LENGTH_MAX = 1024;

/** The validators of an answer. */
export function validatorsOf(response: HttpResponse): { readonly etag?: string; readonly lastModified?: string } {
  const keep = (header: string) => {
    const value = headerOf(response, header);
    return value !== undefined && value.length <= LENGTH_MAX ? value : undefined;
  };
  const [etag, lastModified] = [keep('etag'), keep('last-modified')];
  return { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
}

/** Until when an answer need not be asked for again, in milliseconds since 1970: RFC 9111, `Cache-Control` and `Age`. */
export function freshUntil(response: Pick<HttpResponse, 'headers'>, nowMs: number): number {
  const directives = (headerOf(response, 'cache-control') ?? '').toLowerCase().split(',').map((word) => word.trim()); // prettier-ignore
  if (directives.some((word) => /^(?:no-store|no-cache)(?:=|$)/.test(word))) return nowMs;
  const [age = '0'] = directives.flatMap((word) => /^max-age="?(\d{1,10})"?$/.exec(word)?.[1] ?? []);
  const spent = /^\d{1,10}$/.exec(headerOf(response, 'age') ?? '')?.[0] ?? '0';
  return nowMs + Math.max(0, Math.min(Number(age), FRESH_S_MAX) - Number(spent)) * 1000;
}
