// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unitLines } from '../src/index.ts';
import { nothing } from './fixture.ts';

test('unitLines() gives a service what is declared, and nothing else', () => {
  assert.deepEqual(unitLines(nothing), [
    'CapabilityBoundingSet=',
    'NoNewPrivileges=yes',
    'LimitCORE=0',
    'PrivateNetwork=yes',
    'RestrictAddressFamilies=none',
    'ProtectSystem=strict',
    'ProtectHome=yes',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectKernelTunables=yes',
    'ProtectControlGroups=yes',
  ]);
  const lines = unitLines({
    ...nothing,
    capabilities: ['CAP_KILL', 'CAP_FOWNER'],
    network: 'client',
    writes: ['$DIR/pods', '/run/rkt', '/sys/fs/cgroup', '$WORDS', '$HOME/x'],
  });
  for (const line of [
    'CapabilityBoundingSet=CAP_KILL CAP_FOWNER',
    'ReadWritePaths=-/var/lib/rkt/pods -/run/rkt -/sys/fs/cgroup',
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
    'ProtectControlGroups=no',
  ])
    assert.ok(lines.includes(line), line);
  assert.ok(!lines.includes('PrivateNetwork=yes'));
});

test('unitLines() leaves a service that unmounts among the mounts of the system', () => {
  const writes = ['$DIR/pods', '/run/rkt', '/sys/fs/cgroup'];
  assert.deepEqual(unitLines({ ...nothing, capabilities: ['CAP_SYS_ADMIN'], writes }), [
    'CapabilityBoundingSet=CAP_SYS_ADMIN',
    'NoNewPrivileges=yes',
    'LimitCORE=0',
    'PrivateNetwork=yes',
    'RestrictAddressFamilies=none',
    'PrivateMounts=no',
  ]);
});

test('unitLines() binds no service that becomes a pod', () => {
  assert.deepEqual(unitLines({ ...nothing, capabilities: ['all'] }), []);
});
