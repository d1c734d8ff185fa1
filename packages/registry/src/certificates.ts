// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { EXIT, Failure, hasCode, reason } from '@rkt/exit';
import { printable } from '@rkt/names';

/** The variables of the caller. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Whom TLS connections trust. */
export interface TrustOptions {
  readonly environment: Environment;
  readonly trust: 'node' | 'system';
}

/**
 * What TLS connections to a host are made with: the authorities of Node, of the system if they are asked for, and those that
 * the administrator or the user put into `certs.d/HOST[:PORT]`, as containers-certs.d(5) says.
 */
export function secureContextFor(host: string, { environment, trust }: TrustOptions): SecureContext {
  const { ca, ...pairs } = ownCertificates(host, environment);
  const own = ca.map(({ text }) => text);
  // Without a list Node uses its own, which it has parsed by now.
  if (trust === 'node' && own.length === 0) return createSecureContext(pairs);
  const system = trust === 'system' ? getCACertificates('system') : [];
  return createSecureContext({ ...pairs, ca: [...new Set([...getCACertificates('default'), ...system, ...own])] });
}

interface PemFile {
  readonly path: string;
  readonly text: string;
}

interface Certificates {
  readonly ca: readonly PemFile[];
  /** Certificates that we show, each with the key at the same place of the other list. */
  readonly cert?: string[];
  readonly key?: string[];
}

/** The certificates of a host in the first of its directories that exists. */
function ownCertificates(host: string, environment: Environment): Certificates {
  const home = environment['HOME'];
  const config = environment['XDG_CONFIG_HOME'] || (home ? join(home, '.config') : undefined);
  const bases = [...(config === undefined ? [] : [join(config, 'containers')]), '/etc/containers', '/etc/docker'];
  // The first registry is known by another name than the one of the machine that serves it.
  const hosts = host === 'registry-1.docker.io' ? ['docker.io', host] : [host];
  for (const base of bases) {
    for (const directory of hosts.map((name) => join(base, 'certs.d', name))) {
      const names = namesIn(directory);
      if (names !== undefined) return readCertificates(directory, names);
    }
  }
  return { ca: [] };
}

function readCertificates(directory: string, names: readonly string[]): Certificates {
  const withEnding = (ending: string) => names.filter((name) => name.endsWith(ending));
  const needs = (name: string, other: string) => {
    if (names.includes(other)) return;
    throw refused(join(directory, name), `it has no "${printable(other)}" beside it: authorities end in .crt`);
  };
  const certificates = withEnding('.cert');
  for (const name of certificates) needs(name, keyOf(name));
  for (const name of withEnding('.key')) needs(name, name.replace(/\.key$/, '.cert'));
  const ca = withEnding('.crt').map((name) => readPem(join(directory, name)));
  for (const { path, text } of ca) check(path, () => new X509Certificate(text));
  if (certificates.length === 0) return { ca };
  const pairs = certificates.map((name) => {
    const [cert, key] = [readPem(join(directory, name)), readPem(join(directory, keyOf(name)))];
    check(cert.path, () => new X509Certificate(cert.text));
    check(key.path, () => createSecureContext({ cert: cert.text, key: key.text }));
    return { cert: cert.text, key: key.text };
  });
  return { ca, cert: pairs.map(({ cert }) => cert), key: pairs.map(({ key }) => key) };
}

const keyOf = (certificate: string) => certificate.replace(/\.cert$/, '.key');

function readPem(path: string): PemFile {
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    throw refused(path, reason(error), error);
  }
}

/** Node does not say which file it could not use. */
function check(path: string, use: () => unknown): void {
  try {
    use();
  } catch (error) {
    throw refused(path, reason(error), error);
  }
}

function refused(path: string, why: string, cause?: unknown): Failure {
  return new Failure(EXIT.configuration, `cannot use certificate "${printable(path)}": ${printable(why)}`, { cause });
}

function namesIn(directory: string): string[] | undefined {
  try {
    return readdirSync(directory).toSorted();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined;
    throw error;
  }
}
