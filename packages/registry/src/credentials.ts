// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, hasCode, reason } from '@rkt/exit';
import { readBounded } from '@rkt/files';
import { parseJson } from '@rkt/formats';
import { printable } from '@rkt/names';
import { type Environment } from './certificates.ts';
import { recordOf, textOf } from './shape.ts';

/** How we show a registry who we are: a name and password, or a token for its token server. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity'; readonly token: string };

/** Asks a helper program, `docker-credential-NAME get`, for what it knows about a server: its standard output, undefined if it knows nothing. */
export type CredentialHelper = (name: string, server: string) => Promise<Buffer | undefined>;

/** Where to look. */
export interface CredentialSources {
  readonly environment: Environment;
  /** A file that the user named: the only one then. */
  readonly authFile?: string | undefined;
  /** What rkt's own configuration says of a host: it counts before the files of other tools. */
  readonly configured?: ((host: string) => Credentials | undefined) | undefined;
  /** The content of such a file, which the user handed over: then no file of other tools is read. */
  readonly authText?: Buffer | undefined;
  readonly helper: CredentialHelper;
  readonly uid: number;
}

const FILE_BYTES_MAX = 1024 * 1024;
const HUB = 'docker.io';
const HUB_KEY = 'https://index.docker.io/v1/';
const HELPER_NAME = /^[a-z0-9._-]{1,64}$/;

/** The credentials for a repository of a host, from the first file that has any: containers-auth.json(5), and docker's files. */
export async function findCredentials(
  { host, repository }: { readonly host: string; readonly repository: string },
  sources: CredentialSources,
): Promise<Credentials | undefined> {
  const { authText, authFile, helper } = sources;
  const own = authFile === undefined ? sources.configured?.(host) : undefined;
  if (own !== undefined) return own;
  if (authText !== undefined) {
    const path = 'standard input';
    return inFile(
      parseFile(path, () => authText),
      { host, repository, path, helper },
    );
  }
  for (const path of filesOf(sources)) {
    const file = readFile(path, authFile !== undefined);
    if (file === undefined) continue;
    const found = await inFile(file, { host, repository, path, helper });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The files with credentials, in their order. */
function filesOf({ environment, authFile, uid }: CredentialSources): string[] {
  if (authFile !== undefined) return [authFile];
  const { REGISTRY_AUTH_FILE: named, XDG_RUNTIME_DIR: runtime, XDG_CONFIG_HOME: config } = environment;
  const { DOCKER_CONFIG: docker, HOME: home } = environment;
  const inHome = (...parts: string[]) => (home ? [join(home, ...parts)] : []);
  return [
    ...(named ? [named] : []),
    runtime ? join(runtime, 'containers', 'auth.json') : join('/run/containers', String(uid), 'auth.json'),
    ...(config ? [join(config, 'containers', 'auth.json')] : inHome('.config', 'containers', 'auth.json')),
    ...(docker ? [join(docker, 'config.json')] : inHome('.docker', 'config.json')),
    ...inHome('.dockercfg'),
  ];
}

// People keep these files in places of their own and link to them, so links are followed.
function readFile(path: string, isRequired: boolean): Readonly<Record<string, unknown>> | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (!isRequired && hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined;
    const status = hasCode(error, 'ENOENT', 'ENOTDIR') ? EXIT.notFound : EXIT.configuration;
    throw new Failure(status, `cannot read credentials "${printable(path)}": ${reason(error)}`, { cause: error });
  }
  try {
    if (!fstatSync(fd).isFile()) {
      throw new Failure(EXIT.configuration, `cannot read credentials "${printable(path)}": not a file`);
    }
    return parseFile(path, () => readBounded(fd, path, FILE_BYTES_MAX));
  } finally {
    closeSync(fd);
  }
}

/** The entries of a file; whatever is wrong with it is a matter of configuration. */
function parseFile(path: string, read: () => Buffer): Readonly<Record<string, unknown>> {
  try {
    return recordOf(parseJson(read(), { what: `credentials "${printable(path)}"`, limitBytes: FILE_BYTES_MAX }));
  } catch (error) {
    if (error instanceof Failure) throw new Failure(EXIT.configuration, error.message, { cause: error });
    throw error;
  }
}

interface Wanted {
  readonly host: string;
  readonly repository: string;
  readonly path: string;
  readonly helper: CredentialHelper;
}

async function inFile(file: Readonly<Record<string, unknown>>, wanted: Wanted): Promise<Credentials | undefined> {
  const { host } = wanted;
  const server = host === HUB ? HUB_KEY : host;
  const helpers = recordOf(file['credHelpers']);
  const helper = textOf(helpers, host) ?? textOf(helpers, server);
  if (helper !== undefined) return ask(helper, server, wanted);
  // ~/.dockercfg has the entries at its top.
  const entry = entryFor(recordOf(file['auths'] ?? file), wanted);
  const found = entry === undefined ? undefined : fromEntry(entry, wanted.path);
  if (found !== undefined) return found;
  const store = textOf(file, 'credsStore');
  return store === undefined ? undefined : ask(store, server, wanted);
}

/** The entry of the longest name: `HOST/NAMESPACE/REPOSITORY`, then its parents, then the host in any of its spellings. */
function entryFor(auths: Readonly<Record<string, unknown>>, { host, repository }: Wanted): unknown {
  const parts = [host, ...repository.split('/')];
  for (let length = parts.length; length > 0; length -= 1) {
    const key = parts.slice(0, length).join('/');
    if (Object.hasOwn(auths, key)) return auths[key];
  }
  return Object.entries(auths).find(([key]) => hostOfKey(key) === host)?.[1];
}

/** The host that a key of old times means, such as `https://HOST/v1/`. */
function hostOfKey(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/(?:v[12]\/?)?$/, '');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? HUB : host;
}

function fromEntry(entry: unknown, path: string): Credentials | undefined {
  const identity = textOf(entry, 'identitytoken');
  if (identity !== undefined) return { kind: 'identity', token: identity };
  const auth = textOf(entry, 'auth');
  const decoded = auth === undefined ? undefined : Buffer.from(auth, 'base64').toString().replace(/\0+$/, '');
  const colon = decoded?.indexOf(':') ?? -1;
  if (decoded !== undefined && colon < 0) {
    throw new Failure(
      EXIT.configuration,
      `cannot read credentials "${printable(path)}": "auth" is not base64 of NAME:PASSWORD`,
    );
  }
  if (decoded !== undefined) {
    return { kind: 'password', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  }
  const [username, password] = [textOf(entry, 'username'), textOf(entry, 'password')];
  return username === undefined || password === undefined ? undefined : { kind: 'password', username, password };
}

async function ask(name: string, server: string, { path, helper }: Wanted): Promise<Credentials | undefined> {
  if (!HELPER_NAME.test(name)) {
    throw new Failure(
      EXIT.configuration,
      `cannot use credential helper "${printable(name)}" of "${printable(path)}": wanted a name, not a path`,
    );
  }
  const output = await helper(name, server);
  if (output === undefined) return undefined;
  const answer = parseJson(output, { what: `the answer of docker-credential-${name}`, limitBytes: FILE_BYTES_MAX });
  const [username, secret] = [textOf(answer, 'Username'), textOf(answer, 'Secret')];
  if (username === undefined || secret === undefined) return undefined;
  if (username === '<token>') return { kind: 'identity', token: secret };
  return { kind: 'password', username, password: secret };
}
