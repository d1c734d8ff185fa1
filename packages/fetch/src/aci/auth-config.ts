// SPDX-License-Identifier: Apache-2.0
// rkt's own configuration of how to log in: the directories `auth.d` of vendor, administrator and user.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { readRegular } from '@rkt/files';
import { parseAuthConfig, type AuthConfig } from '@rkt/formats';
import { printable } from '@rkt/names';
import type { Credentials } from '@rkt/registry';

const FILE_BYTES_MAX = 1024 * 1024;

/** What the directories say. */
export interface AuthConfiguration {
  /** The headers of a request for a file that log in to its server; none if nothing is said of it. */
  readonly authorizationFor: (url: URL) => Promise<Readonly<Record<string, string>>>;
  /** The credentials for a registry, by the host of its references. */
  readonly credentialsFor: (host: string) => Credentials | undefined;
}

/** Reads the directories; what a later one says of a host counts. */
export function readAuthConfig(directories: readonly string[]): AuthConfiguration {
  const servers = new Map<string, AuthConfig>();
  const registries = new Map<string, AuthConfig>();
  for (const directory of directories) {
    const seen = new Map<string, string>();
    for (const [path, config] of filesIn(join(directory, 'auth.d'))) {
      const target = config.rktKind === 'auth' ? servers : registries;
      for (const host of hostsOf(config)) {
        refuseTwice(seen, { key: `${config.rktKind} ${host}`, host, path });
        target.set(host, config);
      }
    }
  }
  return {
    authorizationFor: (url) => headersOf(url, servers.get(url.host)),
    credentialsFor: (host) => {
      const found = registries.get(host) ?? (host === 'docker.io' ? hubOf(registries) : undefined);
      return found?.rktKind === 'dockerAuth'
        ? { kind: 'password', username: found.credentials.user, password: found.credentials.password }
        : undefined;
    },
  };
}

/** The first registry has several names. */
function hubOf(registries: ReadonlyMap<string, AuthConfig>): AuthConfig | undefined {
  return registries.get('index.docker.io') ?? registries.get('registry-1.docker.io');
}

function hostsOf(config: AuthConfig): string[] {
  const given = config.rktKind === 'auth' ? config.domains : config.registries;
  // As the host of an address is written, without the port that goes without saying.
  return given.map((host) => URL.parse(`https://${host}`)?.host ?? host);
}

interface Said {
  readonly key: string;
  readonly host: string;
  readonly path: string;
}

function refuseTwice(seen: Map<string, string>, { key, host, path }: Said): void {
  const other = seen.get(key);
  if (other !== undefined) {
    throw new Failure(
      EXIT.configuration,
      `cannot read "${printable(path)}": credentials for "${printable(host)}" are in "${printable(other)}" too`,
    );
  }
  seen.set(key, path);
}

/** The files of a directory: regular ones that end in `.json`. Others are nobody's business, nor is a directory that we may not read. */
function filesIn(directory: string): [string, AuthConfig][] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
      .map(({ name }) => name)
      .toSorted()
      .flatMap((name): [string, AuthConfig][] => {
        const path = join(directory, name);
        const bytes = readRegular(path, FILE_BYTES_MAX);
        return bytes === undefined ? [] : [[path, parseAuthConfig(bytes, printable(path))]];
      });
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return [];
    throw error;
  }
}

async function headersOf(url: URL, config: AuthConfig | undefined): Promise<Readonly<Record<string, string>>> {
  if (config?.rktKind !== 'auth') return {};
  switch (config.type) {
    case 'basic': {
      const { user, password } = config.credentials;
      return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
    }
    case 'oauth':
      return { authorization: `Bearer ${config.credentials.token}` };
    case 'aws': {
      const { signForAws } = await import('./aws.ts');
      return signForAws(url, config.credentials, new Date());
    }
  }
}
