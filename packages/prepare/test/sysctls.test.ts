// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sysctlsOf } from '../src/sysctls.ts';

test('sysctlsOf() takes names with dots or slashes', () => {
  const given = [
    'net.ipv4.ip_forward=1',
    'net/ipv4/conf/eth0.7/rp_filter=0',
    'net.ipv4.conf.eth0/8.rp_filter=2',
    'kernel.sem=1 2\t3 4',
  ];
  assert.deepEqual(sysctlsOf(given, 'none'), {
    'net/ipv4/ip_forward': '1',
    'net/ipv4/conf/eth0.7/rp_filter': '0',
    'net/ipv4/conf/eth0.8/rp_filter': '2',
    'kernel/sem': '1 2\t3 4',
  });
  assert.equal(sysctlsOf([], 'none'), undefined);
});

test('sysctlsOf() sets nothing that the host has as well', () => {
  for (const name of [
    'kernel.core_pattern',
    'kernel.shm_next_id',
    'vm.swappiness',
    'fs.file-max',
    'fs.mqueue',
    'kernel.hostname',
    'user.max_user_namespaces',
    'kernel/shmmax/../core_pattern',
    'net.../core_pattern',
    'net/../kernel/core_pattern',
    'net/./x',
    'net//x',
    'net',
    '/net/x',
    'net/x/',
    'NET.x',
  ])
    assert.throws(() => sysctlsOf([`${name}=1`], 'none'), { status: 64, message: /^cannot use --sysctl="/ }, name);
  assert.deepEqual(sysctlsOf(['kernel.shmmax=1'], 'host'), { 'kernel/shmmax': '1' });
  assert.throws(() => sysctlsOf(['net.ipv4.ip_forward=1'], 'host'), { status: 64, message: /no network of its own$/ });
});

test('sysctlsOf() refuses values of more than one line, or none', () => {
  for (const value of ['', '1\n2', '1\0', 'é', 'x'.repeat(257)])
    assert.throws(() => sysctlsOf([`kernel.shmmax=${value}`], 'none'), { status: 64, message: /wanted a value/ });
  for (const text of ['kernel.shmmax', '=1']) assert.throws(() => sysctlsOf([text], 'none'), { status: 64 });
});
