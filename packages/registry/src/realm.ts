// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import { EXIT, Failure } from '@rkt/exit';
import { printUrl } from './redact.ts';

/** The address of the token server that a registry names, if we may go there at all. */
export function parseRealm(realm: string, registry: URL): URL {
  const cannot = `cannot log in to "${registry.host}"`;
  let url: URL;
  try {
    url = new URL(realm);
  } catch {
    throw new Failure(EXIT.unavailable, `${cannot}: its realm is no address`);
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && registry.protocol === 'http:')) {
    throw new Failure(
      EXIT.notPermitted,
      `${cannot}: its token server "${printUrl(url)}" is not encrypted: wanted https`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new Failure(EXIT.notPermitted, `${cannot}: the address of its token server has a user in it`);
  }
  return url;
}

/** True if a token server belongs to the registry, as far as names tell: the same host, or one of the same domain. */
export function isOfSameDomain(first: string, second: string): boolean {
  const [a, b] = [plain(first), plain(second)];
  if (a === b) return true;
  if (isIP(a) !== 0 || isIP(b) !== 0) return false;
  const [left, right] = [a.split('.').toReversed(), b.split('.').toReversed()];
  let shared = 0;
  while (shared < left.length && left[shared] === right[shared]) shared += 1;
  // In `co.uk` and its like, two labels are not yet anybody's domain.
  const [top = '', next = ''] = left;
  const needed = top.length === 2 && next.length <= 3 ? 3 : 2;
  return shared >= needed;
}

const plain = (hostname: string) => hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
