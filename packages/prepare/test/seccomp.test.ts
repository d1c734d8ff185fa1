// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readForeignProfile } from '../src/foreign-profile.ts';
import { restrictProfile, seccompProfile } from '../src/seccomp-profile.ts';

const fallback = {
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [
    { names: ['read', 'write', 'execve', 'socket', 'chroot'], action: 'SCMP_ACT_ALLOW' },
    { names: ['bind'], action: 'SCMP_ACT_ALLOW' },
  ],
};

function allowed(profile: ReturnType<typeof seccompProfile>): string[] {
  return (profile?.syscalls ?? []).flatMap(({ names, action }) => (action === 'SCMP_ACT_ALLOW' ? names : []));
}

test('seccompProfile() knows the wildcards of rkt', () => {
  assert.equal(seccompProfile(undefined, fallback), fallback);
  for (const none of ['unconfined', 'mode=retain,@appc.io/all'])
    assert.equal(seccompProfile(none, fallback), undefined);
  for (const set of ['@rkt/default-whitelist', '@docker/default-whitelist', '@systemd/default-whitelist'])
    assert.deepEqual(allowed(seccompProfile(`mode=retain,acct,${set}`, fallback)), ['acct', ...allowed(fallback)]);
  for (const set of ['@appc.io/empty', '@rkt/default-blacklist', '@docker/default-blacklist'])
    assert.deepEqual(allowed(seccompProfile(`mode=remove,${set}`, fallback)), allowed(fallback));
  for (const set of ['clock', 'mount', 'network-io', 'obsolete', 'privileged', 'process', 'raw-io'])
    assert.ok(allowed(seccompProfile(`mode=retain,@systemd/${set}`, fallback)).length > 2, set);
  assert.deepEqual(allowed(seccompProfile('mode=remove,@systemd/network-io,@systemd/mount', fallback)), [
    'read',
    'write',
    'execve',
  ]);
  for (const set of ['@systemd/all', '@systemd/constructor', '@x', '@'])
    assert.throws(() => seccompProfile(`mode=retain,${set}`, fallback), { status: 64, message: /no such set/ }, set);
});

test('restrictProfile() lets an image give up sets by their names, and gain nothing by them', () => {
  const less = restrictProfile(fallback, { mode: 'remove', set: ['@systemd/network-io'] });
  assert.deepEqual(allowed(less), ['read', 'write', 'execve', 'chroot']);
  const few = restrictProfile(fallback, { mode: 'retain', set: ['@systemd/mount', 'read'] });
  assert.deepEqual(allowed(few), ['read', 'execve', 'chroot']);
});

/** A file with this content. */
function file(t: TestContext, content: string | object): string {
  const directory = mkdtempSync(join(tmpdir(), 'rkt-test-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'profile, with a comma.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const here = { capabilities: ['CAP_CHOWN'], arch: 'amd64', kernel: '6.1.0-x' };

test('readForeignProfile() takes the rules that count for the app and the machine', (t) => {
  const rule = (name: string, more: object) => ({ names: [name], action: 'SCMP_ACT_ALLOW', args: null, ...more });
  const path = file(t, {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
    syscalls: [
      rule('always', { comment: '', includes: {}, excludes: {} }),
      rule('ours', { includes: { caps: ['CAP_CHOWN'], arches: ['amd64'], minKernel: '4.8' } }),
      rule('cap', { includes: { caps: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] } }),
      rule('nocap', { excludes: { caps: ['CAP_SYS_ADMIN', 'CAP_CHOWN'] } }),
      rule('unless', { excludes: { caps: ['CAP_SYS_ADMIN'], arches: ['arm64'], minKernel: '6.2' } }),
      rule('arch', { includes: { arches: ['arm64', 's390x'] } }),
      rule('noarch', { excludes: { arches: ['amd64'] } }),
      rule('newer', { includes: { minKernel: '6.2' } }),
      rule('older', { excludes: { minKernel: '5.99' } }),
      { name: 'single', action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
    ],
  });
  const profile = readForeignProfile(path, here);
  assert.deepEqual(
    profile.syscalls?.flatMap(({ names }) => names),
    ['always', 'ours', 'unless', 'single'],
  );
  assert.deepEqual(profile.syscalls?.at(-1), { names: ['single'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 });
  assert.equal(profile.defaultErrnoRet, 38);
});

test('readForeignProfile() refuses what is no profile, or cannot be obeyed, in one line', (t) => {
  const head = '{"defaultAction":"SCMP_ACT_ALLOW"';
  for (const [content, message] of [
    ['', /not JSON/],
    ['[]', /cannot read seccomp profile/],
    ['{}', /defaultAction/],
    [`${head},"defaultAction":"SCMP_ACT_KILL"}`, /twice/],
    [`${head},"syscalls":[{"names":"x","action":"y"}]}`, /syscalls/],
    [`${head},"syscalls":[{"names":["x"],"action":"SCMP_ACT_NOTIFY"}]}`, /listener/],
    [`${head},"listenerPath":"/run/x"}`, /listener/],
    [`${head},"flags":["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]}`, /flags/],
    [`${head}${' '.repeat(1 << 20)}}`, /larger than/],
  ] as const) {
    assert.throws(
      () => readForeignProfile(file(t, content), here),
      (error) => error instanceof Error && 'status' in error && error.status === 65 && message.test(error.message),
      String(message),
    );
  }
  assert.throws(() => readForeignProfile('/nowhere/x.json', here), { status: 66 });
});
