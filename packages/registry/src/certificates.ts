// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { hasCode } from '@rkt/exit';

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
  const { ca: own, ...pair } = ownCertificates(host, environment);
  // Without a list Node uses its own, which it has parsed by now.
  if (trust === 'node' && own.length === 0) return createSecureContext(pair);
  const system = trust === 'system' ? getCACertificates('system') : [];
  return createSecureContext({ ...pair, ca: [...new Set([...getCACertificates('default'), ...system, ...own])] });
}

interface Certificates {
  readonly ca: string[];
  readonly cert?: string;
  readonly key?: string;
}

/** The certificates of a host in the first of its directories that exists. */
function ownCertificates(host: string, environment: Environment): Certificates {
  const home = environment['HOME'];
  const config = environment['XDG_CONFIG_HOME'] || (home ? join(home, '.config') : undefined);
  const bases = [...(config === undefined ? [] : [join(config, 'containers')]), '/etc/containers', '/etc/docker'];
  for (const directory of bases.map((base) => join(base, 'certs.d', host))) {
    const names = namesIn(directory);
    if (names === undefined) continue;
    const read = (name: string) => readFileSync(join(directory, name), 'utf8');
    const ca = names.filter((name) => name.endsWith('.crt')).map(read);
    const cert = names.find((name) => name.endsWith('.cert') && names.includes(keyOf(name)));
    return cert === undefined ? { ca } : { ca, cert: read(cert), key: read(keyOf(cert)) };
  }
  return { ca: [] };
}

const keyOf = (certificate: string) => certificate.replace(/\.cert$/, '.key');

function namesIn(directory: string): string[] | undefined {
  try {
    return readdirSync(directory).toSorted();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined;
    throw error;
  }
}
