// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { hasCode } from '@rkt/exit';
import { type PodManifest } from '@rkt/formats';

/** A file that the pod brings itself and that hides the one of the image. */
export interface PrivateFile {
  readonly source: string;
  readonly target: string;
  readonly content: string;
}

const RESOLV_CONF_LIMIT = 65536;

/** The files that tell an app its own name and how to find others. They lie in the pod's directory, out of the reach of the app. */
export function nameFiles(
  podPath: string,
  { hostname, network }: Pick<PodManifest, 'hostname' | 'network'>,
): PrivateFile[] {
  const at = (name: string, content: string) => ({ source: `${podPath}/etc/${name}`, target: `/etc/${name}`, content });
  const files = [at('hostname', `${hostname}\n`), at('hosts', hosts(hostname))];
  // The names of the host's network are those of the pod in it; in a pod without a network there is nobody to ask.
  const resolver = network === 'host' ? readResolvConf() : undefined;
  return resolver === undefined ? files : [...files, at('resolv.conf', resolver)];
}

function hosts(hostname: string): string {
  return [
    `127.0.0.1\tlocalhost localhost.domain localhost4 localhost4.localdomain4 ${hostname}`,
    '::1\tlocalhost localhost.domain localhost6 localhost6.localdomain6 ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    '',
  ].join('\n');
}

// The administrator's own file: that it is a link, as with systemd-resolved, is fine.
function readResolvConf(): string | undefined {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8').slice(0, RESOLV_CONF_LIMIT);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
