// SPDX-License-Identifier: Apache-2.0
// A real registry on the loopback for tests, demo and bench: the docker-registry of Debian, in every variant that rkt meets.
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Identity, makeAuthority, makeServer } from './certificates.ts';
import { startTokenServer, type TokenServer } from './token-server.ts';

/** Which variant is started. */
export interface RegistryOptions {
  /** `basic` asks for the password at each request, `token` sends to a token server first. */
  readonly auth?: 'none' | 'basic' | 'token';
  /** Serve HTTPS with a certificate of an authority of our own. */
  readonly tls?: boolean;
}

/** What push() may change on the way. */
export interface PushOptions {
  /** `v2s2` makes docker's schema 2 of it, `v2s1` its schema 1; unless given, the bytes stay as they are. */
  readonly format?: 'oci' | 'v2s2' | 'v2s1';
}

/** A running registry; `await using` stops it. */
export interface Registry extends AsyncDisposable {
  /** HOST:PORT, the first part of a reference. */
  readonly host: string;
  /** HOST:PORT of the token server, which shows a certificate of the same authority. */
  readonly tokenHost: string | undefined;
  /** The authority's certificate, when HTTPS is served. */
  readonly ca: string | undefined;
  /** The account that may pull and push, unless `auth` is `none`. */
  readonly username: string;
  readonly password: string;
  /** A file in the form of ~/.docker/config.json with that account. */
  readonly authFile: string;
  /** The scopes asked of the token server so far. */
  readonly scopes: () => readonly string[];
  /** Copies an image to REPOSITORY:TAG with skopeo; the source is skopeo's, such as `oci:DIR:TAG`. Returns the reference. */
  readonly push: (source: string, name: string, options?: PushOptions) => Promise<string>;
  /** The lines of the access log so far, such as `GET /v2/name/blobs/sha256:… 200`. */
  readonly requests: () => readonly string[];
  readonly stop: () => Promise<void>;
}

const USERNAME = 'tester';
const PASSWORD = 'correct horse';

/** Starts a registry with an empty store of its own and waits until it listens. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const directory = mkdtempSync(join(tmpdir(), 'rkt-registry-'));
  const { tls, signer } = identities(directory, options);
  const tokens =
    signer === undefined
      ? undefined
      : await startTokenServer({
          signer,
          tls: tls?.server,
          username: USERNAME,
          password: PASSWORD,
          log: join(directory, 'scopes'),
        });
  const configuration = join(directory, 'config.yml');
  writeFileSync(configuration, configurationOf(directory, { tls: tls?.server, signer, tokens, options }));
  // Files, not pipes: a test that waits for a program synchronously reads no pipe.
  const access = join(directory, 'access.log');
  const messages = join(directory, 'messages.log');
  const child = spawn('docker-registry', ['serve', configuration], {
    stdio: ['ignore', openSync(access, 'w'), openSync(messages, 'w')],
    env: { PATH: process.env['PATH'] },
  });
  const host = await listening(child, messages);
  const authFile = join(directory, 'auth.json');
  const auth = Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64');
  writeFileSync(authFile, JSON.stringify({ auths: { [host]: { auth } } }), { mode: 0o600 });
  const stop = async () => {
    await tokens?.stop();
    await stopped(child);
    rmSync(directory, { recursive: true, force: true });
  };
  return {
    host,
    tokenHost: tokens && new URL(tokens.realm).host,
    ca: tls?.authority.certificate,
    username: USERNAME,
    password: PASSWORD,
    authFile,
    scopes: tokens?.asked ?? (() => []),
    push: async (source, name, { format } = {}) => {
      const transport = tls ? [`--dest-cert-dir=${certificateDirectory(directory)}`] : ['--dest-tls-verify=false'];
      const account = options.auth === undefined || options.auth === 'none' ? [] : [`--dest-authfile=${authFile}`];
      const form = format === undefined ? ['--preserve-digests', '--all'] : ['--format', format];
      const skopeo = ['--insecure-policy', 'copy', '--quiet', ...transport, ...account, ...form];
      await promisify(execFile)('skopeo', [...skopeo, source, `docker://${host}/${name}`]);
      return `docker://${host}/${name}`;
    },
    requests: () => requestsIn(readFileSync(access, 'utf8')),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Identities {
  readonly tls: { readonly authority: Identity; readonly server: Identity } | undefined;
  /** Signs the tokens. */
  readonly signer: Identity | undefined;
}

function identities(directory: string, { tls, auth }: RegistryOptions): Identities {
  if (!tls && auth !== 'token') return { tls: undefined, signer: undefined };
  const authority = makeAuthority(directory);
  return {
    tls: tls ? { authority, server: makeServer(directory, authority) } : undefined,
    signer: auth === 'token' ? authority : undefined,
  };
}

/** skopeo wants a directory that holds the authority's certificate and no stranger's key. */
function certificateDirectory(directory: string): string {
  const certificates = join(directory, 'certs.d');
  mkdirSync(certificates, { recursive: true });
  copyFileSync(join(directory, 'ca.crt'), join(certificates, 'ca.crt'));
  return certificates;
}

interface Parts {
  readonly tls: Identity | undefined;
  readonly signer: Identity | undefined;
  readonly tokens: TokenServer | undefined;
  readonly options: RegistryOptions;
}

/** The registry's configuration; YAML reads JSON. */
function configurationOf(directory: string, { tls, signer, tokens, options }: Parts): string {
  const passwords = join(directory, 'htpasswd');
  if (options.auth === 'basic')
    writeFileSync(passwords, execFileSync('htpasswd', ['-Bbn', USERNAME, PASSWORD], { encoding: 'utf8' }));
  return JSON.stringify({
    version: 0.1,
    log: { level: 'info', formatter: 'json' },
    compatibility: { schema1: { enabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: {
      addr: '127.0.0.1:0',
      ...(tls && { tls: { certificate: tls.certificate, key: tls.key } }),
    },
    ...(options.auth === 'basic' && { auth: { htpasswd: { realm: 'rkt test', path: passwords } } }),
    ...(tokens && {
      auth: {
        token: {
          realm: tokens.realm,
          service: tokens.service,
          issuer: tokens.issuer,
          rootcertbundle: signer?.certificate,
        },
      },
    }),
  });
}

/** The access log is in the combined format. */
function requestsIn(log: string): string[] {
  return [...log.matchAll(/"([A-Z]+) (\S+) [^"]*" (\d+)/g)].map((match) => match.slice(1).join(' '));
}

/** Waits for the log line that names the address, so that the kernel may choose the port. */
function listening(child: ChildProcess, messages: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const match = /listening on (127\.0\.0\.1:\d+)/.exec(readFileSync(messages, 'utf8'));
      if (match?.[1] === undefined) return;
      watcher.close();
      resolve(match[1]);
    };
    const watcher = watch(messages, look);
    child.on('error', reject);
    child.on('exit', (status) => {
      watcher.close();
      reject(new Error(`docker-registry ended with status ${String(status)}: ${readFileSync(messages, 'utf8')}`));
    });
    look();
  });
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(timer);
}
