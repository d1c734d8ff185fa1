// SPDX-License-Identifier: Apache-2.0
// What a fault at a call of stage1 may do to a pod, and what it may not.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext } from 'node:test';
import { type Bed, makeBed, ONE_LINE, stage1 } from './bed.ts';
import { type Fault, type Filter, Injector, type Outcome } from './injector.ts';

/** What an app sees of its confinement; a fault may keep an app from running, but not let it run with more rights. */
const PROBE = [
  'grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|SigBlk|SigIgn)" /proc/self/status', 'cat /proc/self/uid_map /proc/self/cgroup /proc/self/limits',
  'cut -d" " -f4- /proc/self/mountinfo', 'hostname; ls /proc/self/fd; ip addr; umask; pwd; env; ls /dev; cat /proc/sys/net/ipv4/ip_unprivileged_port_start',
].join('; '); // prettier-ignore

/** Calls that do not fail as they are used here, whatever happens to the machine. */
const INFALLIBLE = ['close', 'dup3', 'exit_group', 'kill', 'ppoll', 'rt_sigprocmask', 'wait4'];

const POD = ['sh', '-c', PROBE];

/** How many pods are collected at once. */
const BATCH = 40;

/** Which calls a fault strikes: every so many of them, from this one on. */
export interface Strikes {
  readonly fault: Fault;
  readonly step: number;
  readonly from?: number;
}

/** Runs a pod for each chosen call of stage1, lets the call meet the fault, and sees what comes of it; returns how many. */
export async function strikeStage1(t: TestContext, strikes: readonly Strikes[]): Promise<number> {
  const bed = makeBed(t);
  using injector = new Injector();
  const unharmed = probe(bed, injector);
  let count = 0;
  for (const { fault, step, from = 0 } of strikes) {
    const points = injector.points(planOf(bed, bed.pod(POD)), filterOf(fault));
    for (let index = from; index < points.length; index += step) {
      strikeOnce(bed, injector, { fault, number: index + 1, unharmed });
      count += 1;
      if (count % BATCH === 0) await bed.collect();
    }
  }
  await bed.collect();
  return count;
}

function strikeOnce(
  bed: Bed,
  injector: Injector,
  { fault, number, unharmed }: { readonly fault: Fault; readonly number: number; readonly unharmed: string },
): void {
  const uuid = bed.pod(POD);
  const { outcome, struck } = injector.strike(planOf(bed, uuid), filterOf(fault), { number, fault });
  // The order of several processes is never the same twice, so there may be fewer calls than the last time.
  if (struck === undefined || (!isKill(fault) && /^(pipe|anon_inode|socket):/.test(struck.path))) return;
  const what = `${fault} at call ${number}, ${struck.call} ${struck.path}: ${String(outcome.status)} ${outcome.stderr}`;
  check(outcome, { isKilled: isKill(fault), unharmed, uuid, what });
}

function planOf({ rkt }: Bed, uuid: string): string[] {
  return [stage1, join(rkt.dir, 'pods', 'prepared', uuid, 'plan')];
}

function probe(bed: Bed, injector: Injector): string {
  const uuid = bed.pod(POD);
  const { outcome } = injector.strike(planOf(bed, uuid), {}, { number: 1_000_000, fault: 'kill' });
  assert.equal(outcome.status, 0, outcome.stderr);
  return plain(outcome.stdout, uuid);
}

/** Without what differs from pod to pod and from run to run. */
function plain(text: string, uuid: string): string {
  return text.replaceAll(uuid, 'UUID').replaceAll(/\b\d{9,10}\b/g, 'ID');
}

function isKill(fault: Fault): boolean {
  return fault.startsWith('kill');
}

function filterOf(fault: Fault): Filter {
  return { program: 'stage1', alone: true, ...(isKill(fault) ? {} : { except: INFALLIBLE }) };
}

interface Expected {
  readonly isKilled: boolean;
  readonly unharmed: string;
  readonly uuid: string;
  readonly what: string;
}

function check({ status, stdout, stderr }: Outcome, { isKilled, unharmed, uuid, what }: Expected): void {
  if (status === 0) {
    // What it does not need may fail; a status that is lost is told.
    assert.match(stderr, /^(stage1: cannot write "[^"]*\/status": [^\n]*\n)?$/, what);
    const wanted = unharmed.split('\n');
    assert.deepEqual(
      plain(stdout, uuid)
        .split('\n')
        .filter((line, index) => line !== wanted[index]),
      [],
      what,
    );
  } else if (isKilled && status === 137) {
    assert.equal(stderr, '', what);
  } else {
    assert.ok([66, 77, 125, 126, 127].includes(status ?? 0), what);
    assert.match(stderr, ONE_LINE, what);
    assert.match(stderr, new RegExp(uuid), what);
  }
}
