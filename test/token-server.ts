// SPDX-License-Identifier: Apache-2.0
// Hands out the RS256 tokens that a registry with token authentication asks for.
// It runs in a thread of its own, so that a test which waits for a program synchronously does not hold it up.
import { createSign, randomUUID, X509Certificate } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Identity } from './certificates.ts';

/** Who may do what: the account may pull and push anything, everybody may pull below `public/`. */
export interface TokenServerOptions {
  readonly signer: Identity;
  readonly tls: Identity | undefined;
  readonly username: string;
  readonly password: string;
  /** The scopes that were asked for are appended to this file, one a line. */
  readonly log: string;
}

/** A running token server. */
export interface TokenServer {
  readonly realm: string;
  readonly issuer: string;
  readonly service: string;
  /** The scopes that were asked for so far, in their order. */
  readonly asked: () => readonly string[];
  readonly stop: () => Promise<void>;
}

const ISSUER = 'rkt test tokens';
const SERVICE = 'rkt test registry';

/** Starts a token server on a free port of the loopback. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const worker = new Worker(new URL(import.meta.url), { workerData: options });
  const port = await new Promise<unknown>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return {
    realm: `${options.tls ? 'https' : 'http'}://127.0.0.1:${String(port)}/token`,
    issuer: ISSUER,
    service: SERVICE,
    asked: () => (existsSync(options.log) ? readFileSync(options.log, 'utf8').split('\n').filter(Boolean) : []),
    stop: async () => {
      await worker.terminate();
    },
  };
}

function serve(options: TokenServerOptions): void {
  const listener: RequestListener = (request, response) => {
    const { searchParams: query } = new URL(request.url ?? '/', 'http://token');
    const account = accountOf(request);
    if (account !== undefined && account !== `${options.username}:${options.password}`) {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      return;
    }
    const scopes = query.getAll('scope').flatMap((scope) => scope.split(' '));
    appendFileSync(options.log, scopes.map((scope) => `${scope}\n`).join(''));
    const token = sign(options, account === undefined ? '' : options.username, scopes);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token, expires_in: 300 }));
  };
  const server = options.tls
    ? createSecureServer({ key: readFileSync(options.tls.key), cert: readFileSync(options.tls.certificate) }, listener)
    : createServer(listener);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    // A thread's port has no origin.
    // eslint-disable-next-line unicorn/require-post-message-target-origin
    parentPort?.postMessage(address !== null && typeof address === 'object' ? address.port : 0);
  });
}

function accountOf(request: IncomingMessage): string | undefined {
  const [scheme, value = ''] = (request.headers.authorization ?? '').split(' ');
  return scheme?.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString() : undefined;
}

function sign({ signer }: TokenServerOptions, subject: string, scopes: readonly string[]): string {
  const now = Math.floor(Date.now() / 1000);
  const chain = [new X509Certificate(readFileSync(signer.certificate)).raw.toString('base64')];
  const claims = {
    iss: ISSUER,
    sub: subject,
    aud: SERVICE,
    iat: now,
    nbf: now - 30,
    exp: now + 300,
    jti: randomUUID(),
    access: scopes.flatMap((scope) => grant(scope, subject !== '')),
  };
  const signed = `${encode({ typ: 'JWT', alg: 'RS256', x5c: chain })}.${encode(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(readFileSync(signer.key), 'base64url')}`;
}

/** `repository:NAME:ACTION,...`: what of it the subject may. */
function grant(scope: string, known: boolean): object[] {
  const [type, name, wanted = ''] = scope.split(':');
  if (type !== 'repository' || name === undefined) return [];
  const actions = wanted.split(',').filter((action) => known || (action === 'pull' && name.startsWith('public/')));
  return actions.length > 0 ? [{ type, name, actions }] : [];
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

if (!isMainThread && parentPort !== null) {
  const options: TokenServerOptions = workerData;
  serve(options);
}
