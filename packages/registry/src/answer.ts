// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { parseJson } from '@rkt/formats';
import { readBody } from './body.ts';
import { TransientFailure } from './errors.ts';
import { type Redactor } from './redact.ts';
import { parseRetryAfter } from './retry.ts';
import { recordOf, textOf } from './shape.ts';
import { type HttpResponse } from './transport.ts';

const ERROR_BYTES_MAX = 64 * 1024;

/** One header as text: the first, if there are several. */
export function headerOf({ headers }: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  return [headers[name]].flat()[0];
}

/** How the failure of a request is told. */
export interface Telling {
  /** The head of the message, such as `cannot fetch "x"`. */
  readonly cannot: string;
  readonly redactor: Redactor;
  /** What status 404 means. */
  readonly missing?: string;
}

/** What an answer that is no success is to the user. */
export async function failureOf(response: HttpResponse, telling: Telling): Promise<Failure> {
  const { cannot, redactor, missing = 'the registry has no such image' } = telling;
  const { status } = response;
  const said = redactor.redact(await errorOf(response));
  const detail = said === '' ? '' : `: the registry says "${said}"`;
  if (status === 401)
    return new Failure(EXIT.notPermitted, `${cannot}: access denied${detail}: wanted other credentials`);
  if (status === 403) return new Failure(EXIT.notPermitted, `${cannot}: access forbidden${detail}`);
  if (status === 404) return new Failure(EXIT.notFound, `${cannot}: ${missing}${detail}`);
  const afterMs = parseRetryAfter(headerOf(response, 'retry-after'), Date.now());
  if (status === 429) return new TransientFailure(`${cannot}: too many requests${detail}`, { afterMs });
  const message = `${cannot}: the registry answers with status ${status}${detail}`;
  if (status === 408 || status >= 500) return new TransientFailure(message, { afterMs });
  return new Failure(EXIT.unavailable, message);
}

/** The first error of a body in the form of the distribution specification, `CODE: message`; nothing if it has another form. */
async function errorOf({ body }: HttpResponse): Promise<string> {
  try {
    const bytes = await readBody(body, 'an error', ERROR_BYTES_MAX);
    const errors = recordOf(parseJson(bytes, { what: 'an error' }))['errors'];
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
    return [textOf(first, 'code'), textOf(first, 'message')].filter((text) => text !== undefined).join(': ');
  } catch {
    // An error page may be anything, or cut: then its status has to do.
    return '';
  } finally {
    body.destroy();
  }
}

/** Reads away the rest of an answer that nobody wants, so that its connection can be used again, or cuts it if it is long. */
export async function discard({ body }: HttpResponse): Promise<void> {
  try {
    await body.dump({ limit: ERROR_BYTES_MAX });
  } catch {
    body.destroy();
  }
}
