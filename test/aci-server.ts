// SPDX-License-Identifier: Apache-2.0
// A web server for images in appc's format, over TLS with an authority of its own, and a proxy by which it serves any host.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createProxy, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { makeAuthority, makeServer } from './certificates.ts';

/** What the server has at a path. */
export interface Served {
  readonly body: Buffer | string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the first requests are answered with, before there is anything. */
  readonly before?: number[];
  /** No `ETag`, no `Last-Modified` and no ranges. */
  readonly isPlain?: boolean;
  /** The connection is cut behind so many bytes of the file, once or always. */
  cutAt?: number;
  readonly isAlwaysCut?: boolean;
  /** The value of `Authorization` that it wants. */
  readonly authorization?: string;
}

export interface AciServer {
  readonly host: string;
  /** What it has, by `HOST/PATH` and by `/PATH` for any host. */
  readonly files: Map<string, Served>;
  /** `HOST/PATH STATUS` of each request, with its range and authorization if it has them. */
  readonly log: string[];
  /** The variables by which commands find the server under every name, and trust it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Those by which they trust the server, and find it under its own name only. */
  readonly trust: Readonly<Record<string, string>>;
}

/** Hosts for which the server has a certificate. */
const NAMES = ['example.com', 'storage.example.com', 'other.example'];

/** Starts the server and the proxy; they end with the test. */
export async function startAciServer(t: TestContext): Promise<AciServer> {
  const directory = mkdtempSync(join(tmpdir(), 'rkt-aci-server-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const authority = makeAuthority(directory);
  const identity = makeServer(directory, authority, NAMES);
  const files = new Map<string, Served>();
  const log: string[] = [];
  const server = createServer(
    { key: readFileSync(identity.key), cert: readFileSync(identity.certificate) },
    (request, response) => {
      const path = `${request.headers.host ?? ''}${request.url ?? ''}`;
      const served = files.get(path) ?? files.get(request.url ?? '');
      const status = answer(request, response, served);
      const { range, authorization } = request.headers;
      log.push([path, status, range, authorization].filter((word) => word !== undefined).join(' '));
    },
  );
  const port = await listen(t, server);
  const proxy = createProxy();
  proxy.on('connect', (_request: IncomingMessage, client: Socket) => {
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) socket.on('error', () => [client, upstream].map((each) => each.destroy()));
  });
  const trust = { NODE_EXTRA_CA_CERTS: authority.certificate };
  const environment = { ...trust, HTTPS_PROXY: `http://127.0.0.1:${await listen(t, proxy)}` };
  return { host: `localhost:${port}`, files, log, environment, trust };
}

async function listen(t: TestContext, server: Server & { closeAllConnections?: () => void }): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  const address: AddressInfo | string | null = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server listens nowhere');
  return address.port;
}

/** Answers a request; returns the status. */
function answer(request: IncomingMessage, response: ServerResponse, served: Served | undefined): number {
  const end = (status: number, headers: Record<string, string | number> = {}, body: Buffer | string = '') => {
    response.writeHead(status, headers).end(body);
    return status;
  };
  if (served === undefined) return end(404);
  if (served.authorization !== undefined && request.headers.authorization !== served.authorization) return end(401);
  const first = served.before?.shift();
  if (first !== undefined) return end(first, { ...served.headers });
  const bytes = Buffer.from(served.body);
  const headers = { ...served.headers };
  if (served.isPlain || served.status !== undefined) return end(served.status ?? 200, { ...headers, 'content-length': bytes.length }, bytes);
  const etag = headers['etag'] ?? `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`;
  const all = { 'accept-ranges': 'bytes', etag, 'content-length': bytes.length, ...headers };
  if (request.headers['if-none-match'] === etag) return end(304, { etag, ...headers });
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const isRest = start > 0 && request.headers['if-range'] === etag;
  if (isRest && start >= bytes.length) return end(416, { 'content-range': `bytes */${bytes.length}` });
  const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`, 'content-length': bytes.length - start };
  const rest = isRest ? bytes.subarray(start) : bytes;
  const { cutAt } = served;
  if (cutAt === undefined) return end(isRest ? 206 : 200, { ...all, ...(isRest ? range : {}) }, rest);
  if (served.isAlwaysCut !== true) delete served.cutAt;
  response.writeHead(isRest ? 206 : 200, { ...all, ...(isRest ? range : {}) });
  response.write(bytes.subarray(isRest ? start : 0, cutAt), () => response.destroy());
  return isRest ? 206 : 200;
} // prettier-ignore

/** A page with discovery tags. */
export function page(...tags: readonly (readonly [name: string, content: string])[]): Served {
  const metas = tags.map(([name, content]) => `<meta name="${name}" content="${content}">`).join('\n');
  return { body: `<!DOCTYPE html><html><head><title>x</title>${metas}</head><body></body></html>`, isPlain: true };
}
