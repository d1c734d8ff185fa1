// SPDX-License-Identifier: Apache-2.0
// The extension of OpenShift's registry that keeps signed messages beside images.
import { EXIT, Failure } from '@rkt/exit';
import { DOCUMENT_BYTES_MAX, parseJson } from '@rkt/formats';
import { printable, type Digest } from '@rkt/names';
import { discard, failureOf } from './answer.ts';
import { pacedBody, readBody } from './body.ts';
import { type DownloadOptions } from './download.ts';
import { LOOKASIDE_MAX } from './lookaside.ts';
import { withRetries } from './retry.ts';
import { recordOf, textOf } from './shape.ts';

/** The header by which a registry says that it has the extension. */
const HEADER = 'x-registry-supports-signatures';

/** Asks for the signed messages of an image; a registry that has not said that it has the extension has none. */
export async function signedMessages(
  { open, host, timeouts, retry, redactor }: DownloadOptions,
  {
    repository,
    digest,
    signal,
  }: {
    readonly repository: string;
    readonly digest: Digest;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Buffer[]> {
  const name = `docker://${host}/${repository}@${digest}`;
  return withRetries({ ...retry, signal }, async () => {
    const { get, has } = await open();
    if (!has(HEADER)) return [];
    const path = `/extensions/v2/${repository}/signatures/${digest}`;
    const response = await get({ repository, path, headers: {}, signal, name });
    if (response.status === 404) {
      await discard(response);
      return [];
    }
    if (response.status !== 200)
      throw await failureOf(response, { cannot: `cannot get the signatures of "${printable(name)}"`, redactor });
    const what = `the signatures of "${printable(name)}"`;
    const bytes = await readBody(pacedBody(response, host, timeouts), what, DOCUMENT_BYTES_MAX);
    return messagesIn(parseJson(bytes, { what }), what);
  });
}

/** The messages of a list, those that have the known form. */
function messagesIn(answer: unknown, what: string): Buffer[] {
  const { signatures } = recordOf(answer);
  if (!Array.isArray(signatures)) throw new Failure(EXIT.dataRefused, `cannot read ${what}: it has no "signatures"`);
  return signatures.slice(0, LOOKASIDE_MAX).flatMap((entry: unknown) => {
    const content = textOf(entry, 'content');
    const isKnown = recordOf(entry)['schemaVersion'] === 2 && textOf(entry, 'type') === 'atomic';
    return isKnown && content !== undefined ? [Buffer.from(content, 'base64')] : [];
  });
}
