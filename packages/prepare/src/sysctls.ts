// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type PodManifest } from '@rkt/formats';
import { printable } from '@rkt/names';

/** What belongs to the IPC namespace of a pod and needs no capability of the host. */
const IPC: ReadonlySet<string> = new Set([
  ...['shmall', 'shmmax', 'shmmni', 'shm_rmid_forced', 'msgmax', 'msgmnb', 'msgmni', 'sem'].map(
    (name) => `kernel/${name}`,
  ),
  ...['msg_default', 'msg_max', 'msgsize_default', 'msgsize_max', 'queues_max'].map((name) => `fs/mqueue/${name}`),
]);

const VALUE_LENGTH_MAX = 256;

/**
 * The settings of the kernel that a pod gets, by their paths below /proc/sys; undefined if none is given.
 *
 * Only what the pod has for itself may be set: everything else would be set for the whole machine.
 */
export function sysctlsOf(given: readonly string[], network: PodManifest['network']): PodManifest['sysctls'] {
  if (given.length === 0) return undefined;
  return Object.fromEntries(
    given.map((text) => {
      const refuse = (why: string) => new Failure(EXIT.usage, `cannot use --sysctl="${printable(text)}": ${why}`);
      const [, name, value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (name === undefined) throw refuse('wanted NAME=VALUE');
      if (value.length > VALUE_LENGTH_MAX || !/^[ -~\t]+$/.test(value))
        throw refuse(`wanted a value of 1 to ${VALUE_LENGTH_MAX} characters in one line`);
      const path = pathOf(name);
      if (path === undefined) throw refuse('not a name: wanted words between dots or slashes');
      if (path.startsWith('net/')) {
        if (network === 'host') throw refuse('the pod has no network of its own');
      } else if (!IPC.has(path)) {
        throw refuse('not a setting of a pod: wanted net.*, fs.mqueue.*, kernel.shm*, kernel.msg* or kernel.sem');
      }
      return [path, value];
    }),
  );
}

/** The path of a setting: a name with slashes may have dots in it, such as that of an interface, and the other way round. */
function pathOf(name: string): string | undefined {
  const isPath = /^[^./]*\//.test(name);
  const path = isPath ? name : name.replaceAll(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
  const words = path.split('/');
  return words.length > 1 && words.every((word) => /^[A-Za-z0-9_@:.-]{1,64}$/.test(word) && !/^\.+$/.test(word))
    ? path
    : undefined;
}
