// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { askNobodyAt } from '@rkt/nobody';
import { parseAnswer, type DescribedSource, type KeyRequest, type KeySource } from './protocol.ts';

const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

const SCRATCH = '/run/rkt';

/** Variables of the caller that say how servers are reached and which certificates are good. */
const VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy'].concat([
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
]);

/** Has keys described by a process without rights. A source that is no good is told in its place. */
export async function readKeys(
  sources: readonly KeySource[],
  environment: Context['environment'],
): Promise<DescribedSource[]> {
  if (sources.length === 0) return [];
  const answer = await ask({ sources: [...sources] }, environment);
  if (answer.length === sources.length) return answer;
  throw new Failure(EXIT.bug, `cannot read keys: ${answer.length} of ${sources.length} sources were described`);
}

/** Has such a process look for the keys of an image name where its web pages say, and describe them. */
export async function discoverKeys(
  name: string,
  allowHttp: boolean,
  environment: Context['environment'],
): Promise<DescribedSource[]> {
  return ask({ sources: [], discover: { name, allowHttp } }, environment);
}

/** Asks a process that is nobody; it may use the network. */
async function ask(request: KeyRequest, environment: Context['environment']): Promise<DescribedSource[]> {
  const given = VARIABLES.map((name) => [name, environment[name] ?? ''] as const).filter(([, value]) => value !== '');
  const network = Object.fromEntries(given);
  const answer = await askNobodyAt(
    join(SCRATCH, `trust-${randomUUID()}`),
    {
      program: 'read-keys.js',
      what: 'reads keys that strangers made',
      cannot: 'cannot read keys',
      question: Buffer.from(JSON.stringify({ ...request, environment: network })),
      network,
      answerBytesMax: ANSWER_BYTES_MAX,
      heapMiB: 256,
    },
    () => void mkdirSync(SCRATCH, { recursive: true, mode: 0o755 }),
  );
  return parseAnswer(answer);
}
