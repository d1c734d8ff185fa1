// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultProfile, parseProfile, ProfileError, readProfile, RET, returnValue } from '../src/index.ts';

const condition = { index: 0, value: 1, op: 'SCMP_CMP_EQ' };
const withRule = (rule: object) => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', ...rule }],
});

test('parseProfile() reads 64-bit numbers exactly', () => {
  const text = JSON.stringify(withRule({ args: [{ ...condition, valueTwo: 2 }] }));
  const profile = parseProfile(text.replace('"value":1', '"value":18446744073709551615'));
  assert.equal(profile.syscalls[0]?.args[0]?.value, 18446744073709551615n);
  assert.equal(profile.syscalls[0]?.args[0]?.valueTwo, 2n);
});

test('parseProfile() takes absent and null lists as empty', () => {
  const profile = parseProfile('{"defaultAction":"SCMP_ACT_ALLOW","syscalls":null}');
  assert.deepEqual(profile, { defaultAction: 'SCMP_ACT_ALLOW', architectures: [], flags: [], syscalls: [] });
});

test('parseProfile() keeps what is no part of a filter but of loading it', () => {
  const given = {
    defaultAction: 'SCMP_ACT_NOTIFY',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_RISCV64'],
    flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
    listenerPath: '/run/listener.sock',
    listenerMetadata: 'anything',
    syscalls: [],
  };
  assert.deepEqual(parseProfile(JSON.stringify(given)), given);
});

test('readProfile() names the place and the reason of each error', () => {
  const cases: [unknown, RegExp][] = [
    [[], /^cannot read "the profile": it is \[\]: expected an object$/],
    [{}, /^cannot read "defaultAction": it is nothing: expected a string$/],
    [{ defaultAction: 'SCMP_ACT_NONE' }, /^cannot read "defaultAction": unknown action "SCMP_ACT_NONE"$/],
    [{ ...withRule({}), architectures: ['SCMP_ARCH_Z80'] }, /"architectures\[0\]": unknown value "SCMP_ARCH_Z80"$/],
    [{ ...withRule({}), flags: ['TSYNC'] }, /"flags\[0\]": unknown value "TSYNC"$/],
    [{ ...withRule({}), listenerPath: 7 }, /"listenerPath": it is 7: expected a string$/],
    [{ ...withRule({}), syscalls: {} }, /"syscalls": it is \{\}: expected a list$/],
    [withRule({ names: [] }), /"syscalls\[0\].names": the list is empty: expected a name$/],
    [withRule({ names: [1] }), /"syscalls\[0\].names\[0\]": it is 1: expected a string$/],
    [withRule({ action: 'allow' }), /"syscalls\[0\].action": unknown action "allow"$/],
    [withRule({ errnoRet: 1 }), /"syscalls\[0\].errnoRet": SCMP_ACT_ALLOW returns no errno$/],
    [{ defaultAction: 'SCMP_ACT_KILL', defaultErrnoRet: 1 }, /"defaultErrnoRet": SCMP_ACT_KILL returns no errno$/],
    [withRule({ action: 'SCMP_ACT_ERRNO', errnoRet: 4096 }), /it is 4096: expected an integer from 0 to 4095$/],
    [withRule({ action: 'SCMP_ACT_TRACE', errnoRet: 65536 }), /it is 65536: expected an integer from 0 to 65535$/],
    [withRule({ args: [{ ...condition, index: 6 }] }), /args\[0\].index": it is 6: expected an integer from 0 to 5$/],
    [withRule({ args: [{ ...condition, value: -1 }] }), /args\[0\].value": it is -1: expected an integer/],
    [withRule({ args: [{ ...condition, value: 2 ** 53 }] }), /args\[0\].value": it is 9007199254740992: expected/],
    [
      withRule({ args: [{ ...condition, value: 2n ** 64n }] }),
      /args\[0\].value": it is 18446744073709551616: expected/,
    ],
    [withRule({ args: [{ ...condition, op: 'EQ' }] }), /args\[0\].op": unknown operator "EQ"$/],
    [withRule({ args: Array.from({ length: 65 }, () => condition) }), /args": it has more than 64 entries$/],
  ];
  for (const [value, message] of cases) {
    assert.throws(
      () => readProfile(value),
      (error) => error instanceof ProfileError && message.test(error.message) && !error.message.includes('\n'),
      String(message),
    );
  }
});

test('parseProfile() throws nothing but a ProfileError, whatever the text', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      assert.throws(() => parseProfile(text), ProfileError);
    }),
    { numRuns: 500 },
  );
});

test('returnValue() defaults to EPERM where an errno can be returned', () => {
  assert.equal(returnValue('SCMP_ACT_ERRNO'), RET.ERRNO + 1);
  assert.equal(returnValue('SCMP_ACT_ERRNO', 0), RET.ERRNO);
  assert.equal(returnValue('SCMP_ACT_TRACE'), RET.TRACE + 1);
  assert.equal(returnValue('SCMP_ACT_ALLOW'), RET.ALLOW);
});

test('defaultProfile() allows at most 290 calls of x86_64, and each name once', () => {
  const { defaultAction, defaultErrnoRet, syscalls } = defaultProfile();
  assert.deepEqual([defaultAction, defaultErrnoRet], ['SCMP_ACT_ERRNO', 38]);
  const allowed = syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW').flatMap(({ names }) => names);
  assert.ok(new Set(allowed).size <= 290, `${new Set(allowed).size} calls`);
  const unconditional = syscalls.filter(({ args }) => args.length === 0).flatMap(({ names }) => names);
  assert.equal(new Set(unconditional).size, unconditional.length);
});
