// SPDX-License-Identifier: Apache-2.0
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { libraryFile, removeTree, writeNew } from '@rkt/files';
import { printable } from '@rkt/names';
import { printPlan, type Line } from '@rkt/plan';
import { parseAnswer, type DescribedSource, type KeyRequest, type KeySource } from './protocol.ts';

const NOBODY = 65534;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const TIME_MAX_MS = 120_000;

/** Variables of the caller that say how servers are reached and which certificates are good. */
const VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy'].concat([
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
]);

/**
 * The plan of the process that gets and parses keys: nobody, without capabilities. It may use the network and write nothing.
 */
function readerPlan(program: readonly string[], env: Readonly<Record<string, string>>): Line[] {
  const [file = ''] = program;
  return [
    { op: '#', text: 'reads keys that strangers made: nobody, without capabilities' },
    { op: 'setrlimit', resource: 'RLIMIT_CORE', soft: 0n, hard: 0n },
    { op: 'setrlimit', resource: 'RLIMIT_NOFILE', soft: 64n, hard: 64n },
    { op: 'setrlimit', resource: 'RLIMIT_FSIZE', soft: 0n, hard: 0n },
    { op: 'chdir', path: '/' },
    { op: 'setgroups', gids: [] },
    { op: 'setresgid', rgid: NOBODY, egid: NOBODY, sgid: NOBODY },
    { op: 'capbset', keep: [] },
    { op: 'setresuid', ruid: NOBODY, euid: NOBODY, suid: NOBODY },
    { op: 'capset', effective: [], permitted: [], inheritable: [] },
    { op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 },
    ...Object.entries(env).map(([name, value]): Line => ({ op: 'setenv', name, value })),
    { op: 'exec', file, argv: program },
  ];
}

/** Has keys described by a process without rights. A source that is no good is told in its place. */
export function readKeys(sources: readonly KeySource[], environment: Context['environment']): DescribedSource[] {
  if (sources.length === 0) return [];
  const answer = ask({ sources: [...sources] }, environment);
  if (answer.length === sources.length) return answer;
  throw new Failure(EXIT.bug, `cannot read keys: ${answer.length} of ${sources.length} sources were described`);
}

/** Has such a process look for the keys of an image name where its web pages say, and describe them. */
export function discoverKeys(name: string, allowHttp: boolean, environment: Context['environment']): DescribedSource[] {
  return ask({ sources: [], discover: { name, allowHttp } }, environment);
}

function ask(request: KeyRequest, environment: Context['environment']): DescribedSource[] {
  const program = [process.execPath, '--max-old-space-size=256', libraryFile('start.js'), libraryFile('read-keys.js')];
  const given = VARIABLES.map((name) => [name, environment[name] ?? ''] as const).filter(([, value]) => value !== '');
  const env = Object.fromEntries(given);
  const input = JSON.stringify({ ...request, environment: env });
  const { status, stdout, stderr, error } =
    process.geteuid?.() === 0 ? runAsNobody(program, input, env) : runProgram(program, input, env);
  if (status === EXIT.ok) return parseAnswer(stdout);
  const why = error?.message ?? (stderr.toString().trim().split('\n').at(-1) || `it ended with ${String(status)}`);
  throw new Failure(EXIT.system, `cannot read keys: ${printable(why)}`);
}

function runAsNobody(
  program: readonly string[],
  input: string,
  env: Readonly<Record<string, string>>,
): SpawnSyncReturns<Buffer> {
  mkdirSync('/run/rkt', { recursive: true, mode: 0o755 });
  const scratch = mkdtempSync('/run/rkt/trust-');
  try {
    const plan = join(scratch, 'read-keys.plan');
    writeNew(plan, printPlan(readerPlan(program, env)), 0o600);
    return runProgram([libraryFile('stage1'), plan], input, {});
  } finally {
    removeTree(scratch);
  }
}

function runProgram(
  [file = '', ...args]: readonly string[],
  input: string,
  env: Readonly<Record<string, string>>,
): SpawnSyncReturns<Buffer> {
  const limits = { maxBuffer: ANSWER_BYTES_MAX, timeout: TIME_MAX_MS, killSignal: 'SIGKILL' } as const;
  return spawnSync(file, args, { input, env, ...limits });
}
