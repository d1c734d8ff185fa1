// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, hasCode, reason } from '@rkt/exit';
import { printable } from '@rkt/names';

/** Which files say from where images are taken. */
export interface RegistriesFiles {
  /** A file that the user named, which has to be there. */
  readonly named: string | undefined;
  /** Those that are there, a later one changing what an earlier one says. */
  readonly found: readonly string[];
}

const SYSTEM = '/etc/containers';
const FILE = 'registries.conf';

/**
 * Looks for `registries.conf` where podman does: `$CONTAINERS_REGISTRIES_CONF`, or that of the user, or that of the system;
 * after it come the files of `registries.conf.d`, of which a user with a file of his own has only his.
 */
export function findRegistriesFiles(environment: Readonly<Record<string, string | undefined>>): RegistriesFiles {
  const { CONTAINERS_REGISTRIES_CONF: named, XDG_CONFIG_HOME: config, HOME: home } = environment;
  const base = config || (home ? join(home, '.config') : undefined);
  const user = base === undefined ? undefined : join(base, 'containers');
  const userFile = user && existsSync(join(user, FILE)) ? join(user, FILE) : undefined;
  const first = named || userFile || join(SYSTEM, FILE);
  const isOwn = !named && userFile !== undefined;
  const directories = [...(isOwn ? [] : [SYSTEM]), ...(user === undefined ? [] : [user])];
  const dropped = directories.flatMap((directory) => filesIn(join(directory, `${FILE}.d`)));
  return { named: named || undefined, found: [...(named || existsSync(first) ? [first] : []), ...dropped] };
}

function filesIn(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.conf'));
    return names.toSorted().map((name) => join(directory, name));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
    // What is there and cannot be read may be what forbids a registry.
    throw new Failure(EXIT.configuration, `cannot read "${printable(directory)}": ${reason(error)}`, { cause: error });
  }
}
