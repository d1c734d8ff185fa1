// SPDX-License-Identifier: Apache-2.0
import { becomesStage1, type Declaration } from './declaration.ts';

/** Where rkt keeps its data when a service manager starts it. */
const DIR = '/var/lib/rkt';

/**
 * The lines of section [Service] of a systemd unit that bind a service to what its executable declares.
 *
 * Only root's executables of an installation are services. One that becomes a pod is bound by the plan of the pod.
 * The mount namespace that these lines make is no obstacle to a command that unmounts: what is removed in one mount
 * namespace is unmounted in all others.
 */
export function unitLines(declaration: Declaration): string[] {
  if (becomesStage1(declaration)) return [];
  const { capabilities, writes } = declaration;
  const paths = writes.map((path) => path.replace(/^\$DIR\b/, DIR)).filter((path) => path.startsWith('/'));
  return [
    `CapabilityBoundingSet=${capabilities.join(' ')}`,
    'NoNewPrivileges=yes',
    'LimitCORE=0',
    ...network(declaration),
    'ProtectSystem=strict',
    // What is not there yet is no error.
    ...(paths.length === 0 ? [] : [`ReadWritePaths=${paths.map((path) => `-${path}`).join(' ')}`]),
    'ProtectHome=yes',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectKernelTunables=yes',
    `ProtectControlGroups=${paths.includes('/sys/fs/cgroup') ? 'no' : 'yes'}`,
  ];
}

function network({ network: declared }: Declaration): string[] {
  if (declared === 'client') return ['RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK'];
  return ['PrivateNetwork=yes', 'RestrictAddressFamilies=none'];
}
