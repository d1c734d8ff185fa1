// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_CAPABILITIES, type PodManifest } from '@rkt/formats';
import { parseAppName } from '@rkt/names';
import { CREATED_MS, digest, podUuid } from '@rkt/pod-fixtures';
import { flagSets, parsePlan } from '@rkt/plan';
import type { Evidence } from '../src/evidence.ts';
import { findingsOf } from '../src/security.ts';

const SECCOMP = {
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [
    { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
    { names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 1, op: 'SCMP_CMP_MASKED_EQ' }] },
  ],
};

const PLAN = `unshare CLONE_NEWNS|CLONE_NEWCGROUP
mount overlay rootfs overlay MS_NOSUID|MS_NODEV lowerdir=layers/0
pivot_root . .
mknod /dev/null S_IFCHR 0666 1 3
keyctl KEYCTL_JOIN_SESSION_KEYRING ""
exec /bin/true true
`;

const CAPABILITIES = {
  bounding: DEFAULT_CAPABILITIES, effective: [], permitted: [], inheritable: [], ambient: [],
}; // prettier-ignore

function maskOf(names: readonly string[]): string {
  const bits = flagSets.capability.reduce(
    (sum, name, bit) => (names.includes(name) ? sum | (1n << BigInt(bit)) : sum),
    0n,
  );
  return bits.toString(16).padStart(16, '0');
}

const PROCESS = {
  Uid: '502464512\t502464512\t502464512\t502464512', NSpid: '100\t5\t2', NoNewPrivs: '1', Seccomp: '2',
  CapInh: '0000000000000000', CapAmb: '0000000000000000', CapEff: maskOf([]), CapBnd: maskOf(DEFAULT_CAPABILITIES),
}; // prettier-ignore

const app = {
  name: parseAppName('web'),
  image: { id: digest('1'), name: 'web', layers: [], labels: {}, ports: [] },
  stopSignal: 'SIGTERM',
  restart: { policy: 'no', limit: 0 } as const,
  processes: 'pod' as const,
  interactive: false,
  mounts: [{ volume: 'data', target: '/data', readOnly: true }],
};

const manifest: PodManifest = {
  version: 1,
  uuid: podUuid(),
  created: CREATED_MS,
  mutable: false,
  hostname: 'h',
  network: 'none',
  userNamespace: { first: 502_464_512, count: 65_536 },
  insecureOptions: [],
  volumes: [{ kind: 'host', name: 'data', source: '/srv', isFile: false, readOnly: true, recursive: false }],
  apps: [app],
};

const config: Evidence['config'] = {
  ociVersion: '1.0.2',
  root: { path: 'rootfs', readonly: false },
  hostname: 'h',
  process: {
    terminal: false,
    user: { uid: 0, gid: 0, umask: 18, additionalGids: [] },
    args: ['true'],
    env: [],
    cwd: '/',
    capabilities: CAPABILITIES,
    rlimits: [],
    noNewPrivileges: true,
    oomScoreAdj: 0,
  },
  mounts: [{ destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] }],
  annotations: {},
  linux: {
    namespaces: ['user', 'network', 'pid', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type })),
    cgroupsPath: '/rkt',
    resources: {},
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
    rootfsPropagation: 'private',
    seccomp: SECCOMP,
  },
};

const usual: Evidence = {
  manifest,
  view: { app, state: 'running', status: { restarts: 0 }, exitCode: undefined },
  config,
  plan: parsePlan(PLAN, 'plan'),
  process: new Map(Object.entries(PROCESS)),
  uidMap: '         0  502464512      65536\n',
  limits: 'Max core file size        0                    0                    bytes     \n',
  oomScoreAdj: 0,
  ceiling: { pids: 1024 },
  defaultFilter: SECCOMP,
};

/** The items that are not ok, with their states. */
function faults(evidence: Partial<Evidence>): string[] {
  const findings = findingsOf({ ...usual, ...evidence });
  return findings.filter(({ state }) => state !== 'ok').map(({ item, state }) => `${item}: ${state}`);
}

function process(more: Partial<typeof PROCESS>): Partial<Evidence> {
  return { process: new Map(Object.entries({ ...PROCESS, ...more })) };
}

function linux(more: Partial<Evidence['config']['linux']>): Partial<Evidence> {
  return { config: { ...config, linux: { ...config.linux, ...more } } };
}

function plan(edit: (text: string) => string): Partial<Evidence> {
  return { plan: parsePlan(edit(PLAN), 'plan') };
}

test('findingsOf() finds an app as every app is to be ok', () => {
  assert.deepEqual(faults({}), []);
});

test('findingsOf() sees each protection that is weaker, or gone, and no other', () => {
  const [allow, conditional] = SECCOMP.syscalls;
  const owner = { uid: 1000, gid: 1000, uidMap: [], gidMap: [] };
  const cases: readonly (readonly [Partial<Evidence>, string])[] = [
    [{ uidMap: '0 0 4294967295\n' }, 'user-namespace: off'],
    [process({ Uid: '0\t0\t0\t0' }), 'user-namespace: off'],
    [{ uidMap: '0 502464512 65536\n65536 1000 1\n', manifest: { ...manifest, owner } }, 'user-namespace: weaker'],
    [process({ CapBnd: maskOf([...DEFAULT_CAPABILITIES, 'CAP_SYS_ADMIN']) }), 'capabilities: weaker'],
    [process({ CapBnd: 'ffffffffffffffff' }), 'capabilities: weaker'],
    [process({ CapInh: maskOf(['CAP_CHOWN']) }), 'capabilities: weaker'],
    [process({ CapAmb: maskOf(['CAP_CHOWN']) }), 'capabilities: weaker'],
    [process({ NoNewPrivs: '0' }), 'no-new-privileges: off'],
    [process({ Seccomp: '0' }), 'seccomp: off'],
    [linux({ seccomp: { ...SECCOMP, defaultAction: 'SCMP_ACT_ALLOW' } }), 'seccomp: weaker'],
    [linux({ seccomp: { ...SECCOMP, syscalls: [allow, { ...conditional, args: [] }] } }), 'seccomp: weaker'],
    [linux({ seccomp: { ...SECCOMP, syscalls: [{ ...allow, names: ['mount'] }] } }), 'seccomp: weaker'],
    [linux({ seccomp: { defaultAction: 5 } }), 'seccomp: weaker'],
    [linux({ namespaces: config.linux.namespaces.filter(({ type }) => type !== 'ipc') }), 'namespaces: weaker'],
    [process({ NSpid: '100' }), 'namespaces: off'],
    [plan((text) => text.replace('MS_NOSUID|MS_NODEV', 'MS_NODEV')), 'root-file-system: weaker'],
    [plan((text) => text.replace('mknod', 'mknod /dev/kvm S_IFCHR 0666 10 232\nmknod')), 'devices: weaker'],
    [plan((text) => text.replace('mknod', 'creat /dev/fuse 0666\nmknod')), 'devices: weaker'],
    [plan((text) => text.replace(/^keyctl.*\n/m, '')), 'keyring: off'],
    [linux({ maskedPaths: [] }), 'kernel-files: off'],
    [linux({ readonlyPaths: [] }), 'kernel-files: weaker'],
    [{ config: { ...config, mounts: [{ ...config.mounts[0]!, options: [] }] } }, 'sys: off'],
    [
      { view: { ...usual.view, app: { ...app, mounts: [{ ...app.mounts[0]!, readOnly: false }] } } },
      'host-files: weaker',
    ],
    [{ limits: usual.limits.replace('0   ', 'unlimited') }, 'core-dumps: weaker'],
    [{ oomScoreAdj: -1 }, 'oom-score: weaker'],
    [{ ceiling: {} }, 'processes: off'],
    [{ ceiling: { pids: 1025 } }, 'processes: weaker'],
  ];
  for (const [evidence, wanted] of cases) assert.deepEqual(faults(evidence), [wanted]);
});

test('findingsOf() wants Landlock where the network is that of the host', () => {
  const host = { manifest: { ...manifest, network: 'host' as const } };
  assert.deepEqual(faults(host), ['network: weaker', 'abstract-sockets: off']);
  const restricted = plan((text) => text.replace('exec', 'landlock_restrict_self 3\nexec'));
  assert.deepEqual(faults({ ...host, ...restricted }), ['network: weaker']);
});
