// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printRuntimeConfig, UNLIMITED, type RuntimeConfig } from '@rkt/formats';
import { defaultRlimits, rlimitsOf } from '../src/rlimits.ts';

const LIMITS = `\
Max stack size            8388608              unlimited            bytes
Max processes             95860                95860                processes
Max open files            1024                 4096                 files
`;

function limits(...ulimits: readonly string[]) {
  return rlimitsOf({ ulimits, isRestricted: false, limits: LIMITS });
}

test('defaultRlimits() never asks for more than the machine has', () => {
  const files = (hard: string) =>
    defaultRlimits(`Max open files            1024                 ${hard}              files\n`)[1];
  assert.deepEqual(files('1048576'), { type: 'RLIMIT_NOFILE', soft: 1024, hard: 524288 });
  assert.deepEqual(files('unlimited'), { type: 'RLIMIT_NOFILE', soft: 1024, hard: 524288 });
  assert.deepEqual(files('4096'), { type: 'RLIMIT_NOFILE', soft: 1024, hard: 4096 });
  assert.deepEqual(files('512'), { type: 'RLIMIT_NOFILE', soft: 512, hard: 512 });
});

test('rlimitsOf() replaces the defaults and knows no limit', () => {
  assert.deepEqual(limits('nofile=100:200', 'RLIMIT_NPROC=5', 'stack=-1', 'core=0:unlimited'), [
    { type: 'RLIMIT_CORE', soft: 0, hard: UNLIMITED },
    { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
    { type: 'RLIMIT_NPROC', soft: 5, hard: 5 },
    { type: 'RLIMIT_STACK', soft: UNLIMITED, hard: UNLIMITED },
  ]);
});

test('rlimitsOf() refuses what setrlimit() would, and what is no limit', () => {
  for (const text of [
    'nofile',
    'nofile=',
    'nofile=5:4',
    'nofile=-2',
    'nofile=1:2:3',
    'files=5',
    'nofile=1e3',
    '=5',
    'nofile=unlimited:5',
  ])
    assert.throws(() => limits(text), { status: 64, message: /^cannot use --ulimit="/ }, text);
});

test('rlimitsOf() lets nobody but root raise a hard limit', () => {
  const others = (text: string) => rlimitsOf({ ulimits: [text], isRestricted: true, limits: LIMITS });
  others('nofile=4096');
  others('stack=unlimited');
  assert.throws(() => others('nofile=4097'), { status: 64, message: /at most 4096$/ });
  limits('nofile=4097');
});

test('printRuntimeConfig() writes no limit as the whole number that it is', () => {
  const process = { rlimits: limits('stack=unlimited'), args: ['"soft": 18446744073709552000,'] };
  // Only what is printed matters here.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion
  const text = printRuntimeConfig({ process } as unknown as RuntimeConfig);
  assert.equal(text.match(/^ +"(soft|hard)": 18446744073709551615,?$/gm)?.length, 2);
  assert.match(text, /"\\"soft\\": 18446744073709552000,"/);
});
