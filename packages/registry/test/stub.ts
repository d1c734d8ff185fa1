// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parseDigest, type Digest } from '@rkt/names';
import { makeRegistryClient, type RegistryClient, type RegistryOptions } from '../src/index.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Stub {
  readonly host: string;
  /** `METHOD PATH` of each request, with its authorization if it has one. */
  readonly log: string[];
  readonly headers: IncomingMessage['headers'][];
  readonly server: Server;
}

/** A server on loopback that answers by the handler. */
export async function startStub(t: TestContext, handler: Handler): Promise<Stub> {
  const log: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    const { authorization } = request.headers;
    log.push(`${request.method} ${request.url}${authorization === undefined ? '' : ` ${authorization}`}`);
    headers.push(request.headers);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${portOf(server)}`, log, headers, server };
}

export function portOf(server: Pick<Server, 'address'>): number {
  const address: AddressInfo | string | null = server.address();
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Error('the server listens nowhere');
}

export interface TestClient extends RegistryClient {
  readonly notes: string[];
}

/** A client with short pauses that is allowed plain HTTP. */
export function clientOf(t: TestContext, host: string, options: Partial<RegistryOptions> = {}): TestClient {
  const notes: string[] = [];
  const client = makeRegistryClient({
    host,
    insecure: { http: true, tls: false },
    environment: {},
    helper: () => Promise.resolve(undefined),
    uid: 1000,
    userAgent: 'rkt/test',
    note: (message) => void notes.push(message),
    retry: { tries: 3, backoffMs: 1 },
    ...options,
  });
  t.after(() => client.close());
  return { ...client, notes };
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}

export async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const piece of pieces) found.push(piece);
  return Buffer.concat(found);
}

/** A directory that is gone when the test is over. */
export function temporaryDirectory(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'rkt-registry-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}
