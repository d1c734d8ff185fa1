// SPDX-License-Identifier: Apache-2.0
// Signatures beside a registry: the directory or server that containers-registries.d(5) calls lookaside.
import { fileURLToPath } from 'node:url';
import { EXIT, Failure, hasCode, reason } from '@rkt/exit';
import { readRegular } from '@rkt/files';
import { DOCUMENT_BYTES_MAX } from '@rkt/formats';
import { hexOf, printable, type Digest } from '@rkt/names';
import { discard, failureOf } from './answer.ts';
import { pacedBody, readBody } from './body.ts';
import { type Environment } from './certificates.ts';
import { makeRedactor, printUrl } from './redact.ts';
import { RETRIES, withRetries } from './retry.ts';
import { makeTransport, TIMEOUTS, type Timeouts } from './transport.ts';

/** How many signatures of one image are read. */
export const LOOKASIDE_MAX = 128;

/** Where signatures are looked for. */
export interface LookasideOptions {
  /** The URL of the directory above those of the images: of http, https or file. */
  readonly base: string;
  readonly repository: string;
  readonly digest: Digest;
  readonly environment: Environment;
  readonly userAgent: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeouts?: Partial<Timeouts>;
  readonly retry?: { readonly tries: number; readonly backoffMs: number };
}

/**
 * Reads the signed messages of an image, `REPOSITORY@sha256=HEX/signature-1` and so on until there is no next: at most 128 of at
 * most 4 MiB. Nobody is asked for a password, and no redirect is followed: what lies there proves itself or is worth nothing.
 */
export async function readLookaside(options: LookasideOptions): Promise<Buffer[]> {
  const base = URL.parse(options.base);
  if (base === null || !['http:', 'https:', 'file:'].includes(base.protocol)) {
    throw new Failure(
      EXIT.configuration,
      `cannot look for signatures in "${printable(options.base)}": wanted a URL of http, https or file`,
    );
  }
  const url = new URL(base);
  const place = `${options.repository}@sha256=${hexOf(options.digest)}`;
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/${place}/`;
  if (url.protocol === 'file:') return readEach((name) => readFile(new URL(name, url)));
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const { environment, userAgent } = options;
  const transport = makeTransport({ host: url.host, insecureTls: false, environment, timeouts, userAgent });
  const get = async (name: string): Promise<Buffer | undefined> => {
    const address = new URL(name, url);
    const response = await transport.request({ url: address, headers: {}, signal: options.signal });
    if (response.status === 404 || response.status === 410) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200)
      throw await failureOf(response, { cannot: `cannot get "${printUrl(address)}"`, redactor: makeRedactor() });
    return readBody(pacedBody(response, url.host, timeouts), `"${printUrl(address)}"`, DOCUMENT_BYTES_MAX);
  };
  try {
    return await readEach((name) =>
      withRetries({ ...(options.retry ?? RETRIES), signal: options.signal }, async () => get(name)),
    );
  } finally {
    await transport.close();
  }
}

/** One after the other, since only the first that is missing says how many there are. */
async function readEach(read: (name: string) => Promise<Buffer | undefined> | Buffer | undefined): Promise<Buffer[]> {
  const found: Buffer[] = [];
  while (found.length < LOOKASIDE_MAX) {
    const bytes = await read(`signature-${found.length + 1}`);
    if (bytes === undefined) break;
    found.push(bytes);
  }
  return found;
}

function readFile(url: URL): Buffer | undefined {
  try {
    return readRegular(fileURLToPath(url), DOCUMENT_BYTES_MAX);
  } catch (error) {
    if (error instanceof Failure) throw error;
    const cannot = `cannot read "${printable(url.pathname)}"`;
    // Neither the owner's rights nor those that the launcher left us.
    if (hasCode(error, 'EACCES', 'EPERM'))
      throw new Failure(
        EXIT.notPermitted,
        `${cannot}: permission denied: --lookaside=DIRECTORY names one that may be read`,
      );
    throw new Failure(EXIT.system, `${cannot}: ${reason(error)}`, { cause: error });
  }
}
