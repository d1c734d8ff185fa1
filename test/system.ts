// SPDX-License-Identifier: Apache-2.0
// A Debian system for tests that install: a root directory, mounts and processes of its own, on this kernel and network.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { removeCgroups, type Result } from './e2e/rkt.ts';

const repository = join(import.meta.dirname, '..');

/** Runs a program of scripts/ to its end. */
export function script(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Result {
  return spawnSync(join(repository, 'scripts', name), args, { encoding: 'utf8', env: { ...process.env, ...env } });
}

/** A directory that everybody may enter and that is removed after the test. */
export function temporaryDirectory(t: TestContext): string {
  const place = mkdtempSync(join(tmpdir(), 'rkt-install-'));
  t.after(() => rmSync(place, { recursive: true }));
  chmodSync(place, 0o755);
  return place;
}

/** What is below a directory, sorted, a line each: path, type, owner, mode. Mounts and the named paths are passed over. */
export function filesBelow(root: string, ...passedOver: readonly string[]): string[] {
  const prune = passedOver.flatMap((path) => ['-path', `./${path}`, '-prune', '-o']);
  const words = ['.', '-xdev', ...prune, '-printf', '%P %y %U:%G %m\n'];
  return execFileSync('find', words, { cwd: root, encoding: 'utf8' }).trimEnd().split('\n').toSorted(); // prettier-ignore
}

/** How a command is run. */
export interface Run {
  /** A user of the system instead of root. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Words outside of the system that run the command, such as those of strace. */
  readonly by?: readonly string[];
}

/** A running system. */
export interface System {
  /** Where its root directory is on this machine. */
  readonly root: string;
  readonly run: (words: readonly string[], options?: Run) => Result;
  /** The same; anything but status 0 fails the test. Returns standard output without its last line feed. */
  readonly ok: (words: readonly string[], options?: Run) => string;
  readonly start: (words: readonly string[], options?: Run) => ChildProcess;
  readonly stop: () => Promise<void>;
}

/**
 * What pid 1 of the system does. It becomes a program that waits for the end of this process, so that all ends with it.
 *
 * A root by chroot(2) would not do: who is in one can make no user namespace.
 */
const INIT = `
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --rbind /sys sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
	mknod -m 666 "dev/\${node%%:*}" c "$(echo "\${node#*:}" | cut -d : -f 1)" "\${node##*:}"
done
ln -s /proc/self/fd dev/fd
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
echo "127.0.0.1 localhost $2" >etc/hosts
pivot_root . mnt
umount -l /mnt
echo ready
exec cat
`;

/** The longest that a command of the system may take, in seconds. */
const SECONDS = '100';

/** Makes a system from the test image "sudo" and starts it. */
export async function startSystem(): Promise<System> {
  const image = execFileSync(join(repository, 'scripts', 'images'), ['sudo'], { encoding: 'utf8' }).trim();
  const place = mkdtempSync(join(tmpdir(), 'rkt-system-'));
  chmodSync(place, 0o755);
  execFileSync('umoci', ['unpack', '--image', `${image}:latest`, join(place, 'bundle')], { stdio: 'ignore' });
  const root = join(place, 'bundle', 'rootfs');
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--propagation=private'];
  const child = spawn('unshare', [...namespaces, 'sh', '-euc', INIT, 'sh', root, hostname()], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const failed = once(child, 'close').then(() => {
    throw new Error('the system did not start');
  });
  await Promise.race([once(child.stdout, 'data'), failed]);
  const init = readFileSync(`/proc/${String(child.pid)}/task/${String(child.pid)}/children`, 'utf8').trim();
  const argv = (words: readonly string[], { user, by = [] }: Run) => {
    const who = user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups'];
    const [file = '', ...rest] = [...by, 'nsenter', `--target=${init}`, '--mount', '--pid', ...who, ...words];
    return [file, rest] as const;
  };
  const environment = ({ user, env }: Run) => ({
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: user === undefined ? '/root' : `/home/${user}`,
    DEBIAN_FRONTEND: 'noninteractive',
    ...env,
  });
  const run: System['run'] = (words, options = {}) => {
    // Ends all that the command has started, wherever in the system it is.
    const [file, rest] = argv(['timeout', '--kill-after=5', SECONDS, ...words], options);
    return spawnSync(file, rest, { encoding: 'utf8', env: environment(options), input: '' });
  };
  return {
    root,
    run,
    ok: (words, options) => {
      const { status, stdout, stderr } = run(words, options);
      if (status !== 0) throw new Error(`${words.join(' ')} ended with ${String(status)}: ${stdout}${stderr}`);
      return stdout.replace(/\n$/, '');
    },
    start: (words, options = {}) => {
      const [file, rest] = argv(words, options);
      return spawn(file, rest, { env: environment(options), stdio: ['ignore', 'pipe', 'inherit'] });
    },
    stop: async () => {
      const uuids = podsBelow(root);
      const ended = once(child, 'close');
      process.kill(Number(init), 'SIGKILL');
      await ended;
      uuids.forEach(removeCgroups);
      rmSync(place, { recursive: true });
    },
  };
}

function podsBelow(root: string): string[] {
  const pods = join(root, 'var', 'lib', 'rkt', 'pods');
  try {
    return readdirSync(pods).flatMap((phase) => readdirSync(join(pods, phase)));
  } catch {
    return [];
  }
}
