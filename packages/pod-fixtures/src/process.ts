// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Pod } from '@rkt/pods';

/** A process that lives until it is disposed. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcess;

  constructor(child: ChildProcess) {
    this.child = child;
  }

  /** Waits for the end; the exit code or the signal. */
  async ended(): Promise<number | string | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode ?? this.child.signalCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended();
  }
}

/** Holds the exclusive flock of a file or directory. */
export async function holdLock(path: string): Promise<Running> {
  return started(spawn('flock', ['--no-fork', path, 'sh', '-c', 'echo ready; exec sleep 1000']));
}

// The shell holds the lock, writes the pod's status as stage1 does and passes SIGTERM on. Its first child is pid 1 of a
// new pid namespace, which ends with status 7 on SIGTERM. After that no process can be made: only words of the shell.
const PARENT = `
trap 'kill -TERM "$init"' TERM
setpriv --pdeathsig KILL sh -c 'trap "exit 7" TERM; while ! [ -s status ]; do :; done; sleep 1000 & echo ready; while :; do wait; done' &
init=$!
echo "started $$ $init 1500000001.000000000\nready 1500000002.000000000" >> status
while kill -0 "$init" 2>/dev/null; do wait "$init"; code=$?; done
case $code in 137) echo "killed 9 1500000003.000000000" >> status ;; *) echo "exited $code 1500000003.000000000" >> status ;; esac
exit "$code"
`;

/** Starts processes that look like a running pod; needs root for the pid namespace. SIGTERM to the parent ends them with 7. */
export async function startFakePod(pod: Pod): Promise<Running> {
  return started(spawn('flock', ['--no-fork', pod.path, 'unshare', '--pid', 'sh', '-c', PARENT], { cwd: pod.path }));
}

/** What an executable printed and how it ended. */
export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an executable of a package from its source; `user` drops to that id first. */
export function runBin(name: string, args: readonly string[], { user }: { user?: number } = {}): Result {
  const bin = join(import.meta.dirname, '..', '..', name.replace('rkt-', ''), 'bin', `${name}.ts`);
  const node = [process.execPath, '--conditions=source', '--disable-warning=ExperimentalWarning', bin, ...args];
  const drop =
    user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--no-new-privs'];
  const [program = '', ...rest] = [...drop, ...node];
  const { status, stdout, stderr } = spawnSync(program, rest, {
    encoding: 'utf8',
    timeout: 60_000,
    env: environment(),
  });
  return { status, stdout, stderr };
}

/** Starts an executable of a package from its source without waiting for it. */
export function startBin(name: string, args: readonly string[]): Running {
  const bin = join(import.meta.dirname, '..', '..', name.replace('rkt-', ''), 'bin', `${name}.ts`);
  const node = ['--conditions=source', '--disable-warning=ExperimentalWarning', bin, ...args];
  return new Running(spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'pipe'], env: environment() }));
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, TZ: 'UTC', NODE_V8_COVERAGE: undefined };
}

async function started(child: ChildProcess): Promise<Running> {
  child.stderr?.pipe(process.stderr);
  await Promise.race([
    once(child.stdout ?? child, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the process ended before it was ready'))),
  ]);
  return new Running(child);
}
