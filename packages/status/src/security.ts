// SPDX-License-Identifier: Apache-2.0
// What the sandbox of an app is worth, against what every app has if nobody says otherwise.
import { DEFAULT_CAPABILITIES, type SeccompProfile } from '@rkt/formats';
import { flagSets } from '@rkt/plan';
import type { Evidence } from './evidence.ts';

/** One protection of an app. */
export interface Finding {
  readonly item: string;
  /** As by default or better; less than that; not there at all. */
  readonly state: 'ok' | 'weaker' | 'off';
  readonly why: string;
}

type Verdict = Omit<Finding, 'item'>;

const DEFAULT_PIDS = 1024;
const DEVICES: readonly string[] = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

const ITEMS: Readonly<Record<string, (evidence: Evidence) => Verdict>> = {
  'user-namespace': userNamespace,
  capabilities,
  'no-new-privileges': ({ process }) =>
    process.get('NoNewPrivs') === '1' ? ok('set') : off('the app can gain rights by executing files'),
  seccomp,
  namespaces,
  network: ({ manifest }) => (manifest.network === 'host' ? weaker('that of the host') : ok('one of its own')),
  'abstract-sockets': abstractSockets,
  'root-file-system': rootFileSystem,
  'kernel-files': kernelFiles,
  sys,
  devices,
  'host-files': hostFiles,
  keyring: ({ plan }) =>
    plan.some(({ op }) => op === 'keyctl') ? ok('a session keyring of its own') : off('it has that of its caller'),
  'core-dumps': ({ limits }) =>
    /^Max core file size\s+0\s+0\s/m.test(limits) ? ok('none') : weaker('it can write core files'),
  'oom-score': ({ oomScoreAdj }) =>
    oomScoreAdj >= 0 ? ok(`${oomScoreAdj}`) : weaker(`${oomScoreAdj}: others are killed before it`),
  processes,
};

/** What there is to say of each protection of an app, in the order of the list. */
export function findingsOf(evidence: Evidence): Finding[] {
  return Object.entries(ITEMS).map(([item, judge]) => ({ item, ...judge(evidence) }));
}

function ok(why: string): Verdict {
  return { state: 'ok', why };
}

function weaker(why: string): Verdict {
  return { state: 'weaker', why };
}

function off(why: string): Verdict {
  return { state: 'off', why };
}

/** The ids of the host that ids of the app are, and those that its process has. */
function userNamespace({ manifest, uidMap, process }: Evidence): Verdict {
  const extents = uidMap
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const ranges = extents.map(([, outside = 0, count = 0]) => ({ first: outside, last: outside + count - 1 }));
  const shown = ranges.map(({ first, last }) => (first === last ? `${first}` : `${first} to ${last}`)).join(', ');
  if (ranges.some(({ first }) => first === 0)) return off('root of the app is root of the host');
  const [uid = 0] = (process.get('Uid') ?? '').split('\t').map(Number);
  if (!ranges.some(({ first, last }) => uid >= first && uid <= last)) return off(`it runs as uid ${uid} of the host`);
  if (manifest.owner === undefined) return ok(`ids ${shown} of the host, for this pod alone`);
  return ranges.some(({ first }) => first === manifest.owner?.uid)
    ? weaker(`ids ${shown} of the host: uid ${manifest.owner.uid} is its user’s own`)
    : ok(`ids ${shown} of the host, which all pods of uid ${manifest.owner.uid} have`);
}

function capabilities({ process }: Evidence): Verdict {
  const set = (name: string) => capabilitiesOf(process.get(name) ?? '');
  const lent = [...set('CapInh'), ...set('CapAmb')];
  if (lent.length > 0) return weaker(`executed files inherit ${lent.join(', ')}`);
  const more = set('CapBnd').filter((name) => !DEFAULT_CAPABILITIES.includes(name));
  if (more.length > 0) return weaker(`it can have ${more.join(', ')} besides the default set`);
  const effective = set('CapEff').length;
  return ok(effective === 0 ? 'none in effect' : `${effective} in effect, all of the default set`);
}

/** The names of the bits that are set. */
function capabilitiesOf(hex: string): string[] {
  const bits = BigInt(`0x${/^[0-9a-f]+$/.test(hex) ? hex : '0'}`);
  const known = flagSets.capability.filter((_, bit) => (bits >> BigInt(bit)) & 1n);
  return bits >> BigInt(flagSets.capability.length) === 0n ? known : [...known, 'others'];
}

function seccomp({ process, config, defaultFilter }: Evidence): Verdict {
  if (process.get('Seccomp') !== '2' || config.linux.seccomp === undefined) return off('every system call is allowed');
  const filter = profileOf(config.linux.seccomp);
  if (filter === undefined) return weaker('a filter that cannot be compared with that of every app');
  const isOpen = filter.defaultAction === 'SCMP_ACT_ALLOW' && defaultFilter.defaultAction !== 'SCMP_ACT_ALLOW';
  if (isOpen) return weaker('a filter that allows what it does not name');
  const usual = new Set(rulesOf(defaultFilter));
  const more = [...new Set(rulesOf(filter).filter((rule) => !usual.has(rule)))].map((rule) => rule.replace(/ .*/s, ''));
  const shown = more.length > 8 ? `${more.slice(0, 8).join(', ')} and ${more.length - 8} more` : more.join(', ');
  if (more.length > 0) return weaker(`it allows more of ${shown} than the filter of every app`);
  const names = new Set(rulesOf(filter).map((rule) => rule.replace(/ .*/s, '')));
  return ok(`${names.size} system calls are allowed, all of the default filter`);
}

function profileOf(value: object): SeccompProfile | undefined {
  return 'defaultAction' in value &&
    typeof value.defaultAction === 'string' &&
    'syscalls' in value &&
    Array.isArray(value.syscalls)
    ? { ...value, defaultAction: value.defaultAction, syscalls: value.syscalls }
    : undefined;
}

/** What a filter allows: each call, with the conditions under which it does. */
function rulesOf({ syscalls = [] }: SeccompProfile): string[] {
  return syscalls
    .filter(({ action }) => action === 'SCMP_ACT_ALLOW' || action === 'SCMP_ACT_LOG' || action === 'SCMP_ACT_TRACE')
    .flatMap(({ names, ...rule }) => {
      const conditions = JSON.stringify([rule['args'] ?? [], rule['includes'] ?? {}, rule['excludes'] ?? {}]);
      return names.map((name) => `${name} ${conditions}`);
    });
}

function namespaces({ config, plan, process }: Evidence): Verdict {
  const made = new Set(config.linux.namespaces.map(({ type }) => type));
  const missing = ['pid', 'mount', 'uts', 'ipc', 'cgroup'].filter((type) => !made.has(type));
  const own = plan.some(({ op }) => op === 'pivot_root') && (process.get('NSpid') ?? '').split('\t').length > 1;
  if (!own) return off('it is in the namespaces of the host');
  return missing.length === 0
    ? ok('pid, mount, uts, ipc, cgroup')
    : weaker(`it shares with the host: ${missing.join(', ')}`);
}

/** Abstract sockets belong to a network: in that of the host only Landlock keeps an app from those of others. */
function abstractSockets({ manifest, plan }: Evidence): Verdict {
  if (manifest.network !== 'host') return ok('those of its own network');
  return plan.some(({ op }) => op === 'landlock_restrict_self')
    ? ok('Landlock keeps it from those of the host')
    : off('it reaches those of the host');
}

function rootFileSystem({ config, plan }: Evidence): Verdict {
  const flags = plan.flatMap((line) => (line.op === 'mount' && line.target === 'rootfs' ? line.flags : []));
  const missing = (['MS_NOSUID', 'MS_NODEV'] as const).filter((flag) => !flags.includes(flag));
  if (missing.length > 0) return weaker(`it is mounted without ${missing.join(', ')}`);
  return ok(config.root.readonly ? 'nosuid, nodev, read-only' : 'nosuid, nodev, writes stay in the pod');
}

function kernelFiles({ config: { linux } }: Evidence): Verdict {
  const { maskedPaths, readonlyPaths } = linux;
  if (maskedPaths.length === 0) return off('nothing of proc and sys is hidden');
  if (readonlyPaths.length === 0) return weaker('nothing of proc is read-only');
  return ok(`${maskedPaths.length} parts of proc and sys are hidden, ${readonlyPaths.length} are read-only`);
}

function sys({ config }: Evidence): Verdict {
  const mount = config.mounts.find(({ destination }) => destination === '/sys');
  if (mount === undefined) return ok('not there');
  if (!mount.options.includes('ro')) return off('it can be written');
  return mount.type === 'sysfs' ? ok('read-only') : weaker('that of the host, read-only');
}

function devices({ plan }: Evidence): Verdict {
  // Where a device cannot be made, that of the host is mounted on a file.
  const made = plan.flatMap((line) => (line.op === 'mknod' || line.op === 'creat' ? [line.path] : []));
  const names = made.filter((path) => path.startsWith('/dev/')).map((path) => path.slice('/dev/'.length));
  const more = names.filter((name) => !DEVICES.includes(name));
  return more.length === 0 ? ok(names.join(', ')) : weaker(`besides the usual ones it has ${more.join(', ')}`);
}

function hostFiles({ manifest, view }: Evidence): Verdict {
  const mounted = view.app.mounts.flatMap((mount) => {
    const volume = manifest.volumes.find(({ name }) => name === mount.volume);
    return volume?.kind === 'host' ? [{ source: volume.source, readOnly: mount.readOnly }] : [];
  });
  const written = mounted.filter(({ readOnly }) => !readOnly).map(({ source }) => source);
  if (written.length > 0) return weaker(`it can write ${written.join(', ')}`);
  return ok(mounted.length === 0 ? 'none' : `it can read ${mounted.map(({ source }) => source).join(', ')}`);
}

function processes({ ceiling: { pids } }: Evidence): Verdict {
  if (pids === undefined) return off('nothing limits their number');
  return pids > DEFAULT_PIDS ? weaker(`at most ${pids}`) : ok(`at most ${pids}`);
}
