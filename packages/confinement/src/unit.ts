// SPDX-License-Identifier: Apache-2.0
import { becomesStage1, mounts, type Declaration } from './declaration.ts';

/** Where rkt keeps its data when a service manager starts it. */
const DIR = '/var/lib/rkt';

/**
 * The lines of section [Service] of a systemd unit that bind a service to what its executable declares.
 *
 * Only root's executables of an installation are services. One that becomes a pod is bound by the plan of the pod.
 */
export function unitLines(declaration: Declaration): string[] {
  if (becomesStage1(declaration)) return [];
  return [
    `CapabilityBoundingSet=${declaration.capabilities.join(' ')}`,
    'NoNewPrivileges=yes',
    'LimitCORE=0',
    ...network(declaration),
    ...files(declaration),
  ];
}

function network({ network: declared }: Declaration): string[] {
  if (declared === 'client') return ['RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK'];
  return ['PrivateNetwork=yes', `RestrictAddressFamilies=${declared === 'unix' ? 'AF_UNIX' : 'none'}`];
}

/**
 * What may be written and what is hidden, by a mount namespace of the service.
 *
 * A command that unmounts gets none: in a copy of the system's mounts it would unmount copies, and systemd keeps a second
 * one out of sight that holds the directories fast.
 */
function files(declaration: Declaration): string[] {
  if (mounts(declaration)) return ['PrivateMounts=no'];
  const paths = declaration.writes.map((path) => path.replace(/^\$DIR\b/, DIR)).filter((path) => path.startsWith('/'));
  return [
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
