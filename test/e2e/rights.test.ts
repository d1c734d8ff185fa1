// SPDX-License-Identifier: Apache-2.0
// Each right that an executable declares is one it needs: with all of them it does its work, without any one it does not.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { launcher, parseDeclaration, type Declaration } from '@rkt/confinement';
import { holdLock, makePod } from '@rkt/pod-fixtures';
import { busyboxLayer, storeImages } from './made.ts';
import { bin, images, makeRkt, skipPods, startPod, type Result, type Rkt } from './rkt.ts';

const root = join(import.meta.dirname, '..', '..');

function declarationOf(folder: string): Declaration {
  const file = join(root, 'packages', folder, 'privileges.json');
  return parseDeclaration(JSON.parse(readFileSync(file, 'utf8')), file);
}

type List = 'capabilities' | 'reads' | 'writes' | 'runs';

/** The declaration without one right; what is written can also be read, so both go. */
function without(declaration: Declaration, { list, right }: { list: List; right: string }): Declaration {
  const drop = (rights: readonly string[]) => rights.filter((other) => other !== right);
  const lists = list === 'reads' || list === 'writes' ? (['reads', 'writes'] as const) : [list];
  return { ...declaration, ...Object.fromEntries(lists.map((name) => [name, drop(declaration[name])])) };
}

/** The executable of an installation, with another launcher. */
function install(t: TestContext, name: string, declaration: Declaration): string {
  const place = mkdtempSync(join(tmpdir(), 'rkt-rights-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  chmodSync(place, 0o755);
  mkdirSync(join(place, 'bin'));
  symlinkSync(join(root, 'dist', 'lib'), join(place, 'lib'));
  const program = join(place, 'bin', name);
  writeFileSync(program, launcher({ name, declaration, flags: [] }));
  chmodSync(program, 0o755);
  return program;
}

/** Does the executable's work and tells how it went; called several times. */
type Work = (program: string) => Result;

/** Tries the work with everything declared, then without each of these rights. */
function needs(
  t: TestContext,
  name: string,
  { work, rights }: { work: Work; rights: Partial<Record<List, readonly string[]>> },
): void {
  const declaration = declarationOf(name.replace(/^rkt-/, '').replace(/^seccomp-.*/, 'seccomp-tools'));
  const { status, stderr } = work(install(t, name, declaration));
  assert.equal(status, 0, `${name} with all its rights: ${stderr}`);
  for (const list of ['capabilities', 'reads', 'writes', 'runs'] as const) {
    for (const right of rights[list] ?? []) {
      assert.ok(declaration[list].includes(right), `${name} declares ${right}`);
      const result = work(install(t, name, without(declaration, { list, right })));
      assert.notEqual(result.status, 0, `${name} without ${right}`);
      assert.match(result.stderr, /^rkt-[^\n]+\n$|^seccomp-[^\n]+\n$|^(rkt-[^\n]+\n){2}$/, `${name} without ${right}`);
    }
  }
}

const run = (program: string, ...args: readonly string[]): Result => spawnSync(program, args, { encoding: 'utf8' });

/** A pod that has run, below a directory of another user, who lets nobody in. */
function podOfAnother(rkt: Rkt, Cmd: readonly string[] = ['true']): string {
  const { plain = '' } = storeImages(rkt, { plain: { layers: [busyboxLayer()], config: { Cmd } } });
  const uuid = rkt.ok('prepare', '--insecure-options=image', plain);
  rkt.ok('run-prepared', uuid);
  const pods = join(rkt.dir, 'pods');
  execFileSync('chown', ['12345', pods]);
  chmodSync(pods, 0o700);
  return uuid;
}

suite('rights of executables', { skip: skipPods }, () => {
  test('those that look at pods need to read their directory, whoever owns it', (t) => {
    const rkt = makeRkt(t);
    const uuid = podOfAnother(rkt);
    const capabilities = ['CAP_DAC_READ_SEARCH'];
    const reads = ['$DIR/pods'];
    for (const name of ['rkt-cat-manifest', 'rkt-cat-plan', 'rkt-logs'])
      needs(t, name, { work: (program) => run(program, `--dir=${rkt.dir}`, uuid), rights: { capabilities, reads } });
    const listing = { capabilities, reads: [...reads, '/proc/locks'] };
    needs(t, 'rkt-list', { work: (program) => run(program, `--dir=${rkt.dir}`), rights: listing });
    const status: Work = (program) => {
      const result = run(program, `--dir=${rkt.dir}`, uuid);
      // The answer is no: it does not run any more.
      return result.status === 1 ? { ...result, status: 0 } : result;
    };
    const processes = { capabilities, reads: [...reads, '/proc'] };
    needs(t, 'rkt-status', { work: status, rights: processes });
    needs(t, 'rkt-top', { work: (program) => run(program, `--dir=${rkt.dir}`), rights: processes });
  });

  test('rkt-export needs to read what an app wrote, to mount it, and to write where its user says', (t) => {
    const rkt = makeRkt(t);
    // Not even its owner may read the file.
    const uuid = podOfAnother(rkt, ['sh', '-c', 'echo >/x; chown 5 /x; chmod 0 /x']);
    const home = join(rkt.dir, 'home');
    mkdirSync(home, { mode: 0o700 });
    execFileSync('chown', ['12345', home]);
    const file = join(home, 'x.tar');
    const work: Work = (program) => run(program, `--dir=${rkt.dir}`, '--overwrite', uuid, file);
    const { capabilities } = declarationOf('export');
    needs(t, 'rkt-export', { work, rights: { capabilities } });
  });

  test('rkt-attach needs to find a pod that runs, and the socket of its app, whoever owns it', async (t) => {
    const rkt = makeRkt(t);
    const pod = makePod(rkt.dir, { phase: 'run' });
    const holder = await holdLock(pod.path);
    t.after(() => holder[Symbol.asyncDispose]());
    const directory = join(pod.path, 'apps', 'app', 'iomux');
    mkdirSync(directory);
    const words = ['-c', 'sleep 1000 | exec "$@"', '-', join(root, 'dist/lib/rkt/iomux'), '--stdout=0', directory];
    const app = spawn('sh', words, { detached: true, stdio: 'inherit' });
    t.after(() => process.kill(-Number(app.pid), 'SIGKILL'));
    while (!existsSync(join(directory, 'attach'))) await delay(5);
    execFileSync('chown', ['-R', '12345', join(rkt.dir, 'pods')]);
    const { capabilities, reads } = declarationOf('attach');
    const work: Work = (program) => run(program, `--dir=${rkt.dir}`, '--mode=list', pod.uuid);
    needs(t, 'rkt-attach', { work, rights: { capabilities, reads } });
  });

  test('rkt-stop needs to find the processes of a pod, and to kill its cgroup', async (t) => {
    const rkt = makeRkt(t);
    const { plain = '' } = storeImages(rkt, {
      plain: { layers: [busyboxLayer()], config: { Cmd: ['sleep', '1000'] } },
    });
    const work: Work = (program) => {
      const uuid = rkt.ok('prepare', '--insecure-options=image', plain);
      const pod = rkt.start('run-prepared', uuid);
      rkt.ok('status', '--wait-ready=30s', uuid);
      execFileSync('chown', ['12345', join(rkt.dir, 'pods')]);
      const result = run(program, `--dir=${rkt.dir}`, '--force', uuid);
      execFileSync('chown', ['0', join(rkt.dir, 'pods')]);
      pod.kill('SIGKILL');
      return result;
    };
    // Killing by cgroup comes first, and where that fails the pod's pid 1 is killed.
    const { capabilities, reads } = declarationOf('stop');
    needs(t, 'rkt-stop', { work, rights: { capabilities, reads } });
  });

  test('those that change running pods need their directory and cgroups', async (t) => {
    const rkt = makeRkt(t);
    const { plain = '' } = storeImages(rkt, {
      plain: { layers: [busyboxLayer()], config: { Cmd: ['sleep', '1000'] } },
    });
    const { uuid } = await startPod(rkt, plain, { args: [] });
    const frozen = { reads: ['$DIR/pods', '/proc'], writes: ['/sys/fs/cgroup'] };
    const work =
      (...words: readonly string[]): Work =>
      (program) => {
        rkt.ok(words[0] === 'frozen' ? 'pause' : 'resume', uuid);
        return run(program, `--dir=${rkt.dir}`, uuid, ...words.slice(1));
      };
    needs(t, 'rkt-pause', { work: work('thawed'), rights: frozen });
    needs(t, 'rkt-resume', { work: work('frozen'), rights: frozen });
    // Every time another limit: what is not to be changed needs no right.
    let count = 100;
    const update: Work = (program) =>
      run(program, `--dir=${rkt.dir}`, uuid, `--pids-limit=${count++}`, '--cpuset-cpus=0', '--hugetlb=2Mi:max');
    needs(t, 'rkt-update', { work: update, rights: { ...declarationOf('update'), capabilities: [] } });
  });

  test('rkt-fetch needs the layout that is named, the store, and the program that locks it', (t) => {
    const rkt = makeRkt(t);
    let count = 0;
    const layout = `oci:${join(images, 'busybox')}:latest`;
    const work: Work = (program) => run(program, `--dir=${join(rkt.dir, String(count++))}`, '--quiet', layout);
    needs(t, 'rkt-fetch', { work, rights: { reads: ['$WORDS'], writes: ['$DIR/store'], runs: ['stage1'] } });
  });

  test('rkt-fetch needs to read the credentials of its user, wherever they are', async (t) => {
    const rkt = makeRkt(t);
    const home = join(rkt.dir, 'home');
    const registry = await startRegistry(t);
    const auth = JSON.stringify({ auths: { [registry]: { auth: Buffer.from('user:secret').toString('base64') } } });
    const files = {
      '$HOME/.docker': '.docker/config.json',
      '$HOME/.config/containers': '.config/containers/auth.json',
      '$XDG_RUNTIME_DIR/containers': 'runtime/containers/auth.json',
      $DOCKER_CONFIG: 'docker/config.json',
      $REGISTRY_AUTH_FILE: 'auth.json',
    };
    for (const [right, file] of Object.entries(files)) {
      rmSync(home, { recursive: true, force: true });
      mkdirSync(dirname(join(home, file)), { recursive: true });
      writeFileSync(join(home, file), auth);
      const env = {
        PATH: process.env['PATH'],
        HOME: home,
        XDG_RUNTIME_DIR: join(home, 'runtime'),
        ...(right === '$DOCKER_CONFIG' && { DOCKER_CONFIG: join(home, 'docker') }),
        ...(right === '$REGISTRY_AUTH_FILE' && { REGISTRY_AUTH_FILE: join(home, file) }),
      };
      const args = [`--dir=${join(rkt.dir, 'store')}`, '--insecure-options=http', `docker://${registry}/image:1`];
      // The registry knows no image, but says so only to whom it knows.
      const work: Work = (program) => {
        const result = spawnSync(program, args, { encoding: 'utf8', env });
        return result.status === 66 ? { ...result, status: 0 } : result;
      };
      needs(t, 'rkt-fetch', { work, rights: { reads: [right] } });
    }
  });

  test('rkt-fetch needs to read what is said of registries', async (t) => {
    const rkt = makeRkt(t);
    const registry = await startRegistry(t);
    const files = {
      $CONTAINERS_REGISTRIES_CONF: 'named.conf',
      '$HOME/.config/containers': 'home/.config/containers/registries.conf',
      '$XDG_CONFIG_HOME/containers': 'config/containers/registries.conf.d/x.conf',
    };
    for (const [right, file] of Object.entries(files)) {
      const path = join(rkt.dir, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`);
      const env = {
        PATH: process.env['PATH'],
        ...(right === '$CONTAINERS_REGISTRIES_CONF' && { CONTAINERS_REGISTRIES_CONF: path }),
        ...(right === '$HOME/.config/containers' && { HOME: join(rkt.dir, 'home') }),
        ...(right === '$XDG_CONFIG_HOME/containers' && { XDG_CONFIG_HOME: join(rkt.dir, 'config') }),
      };
      const args = [`--dir=${join(rkt.dir, 'store')}`, '--quiet', `docker://${registry}/image:1`];
      // The registry asks who it is, over the plain HTTP that the file allows.
      const work: Work = (program) => {
        const result = spawnSync(program, args, { encoding: 'utf8', env });
        const isReached = result.stderr.includes(`cannot log in to "${registry}"`);
        return isReached ? { ...result, status: 0 } : { ...result, status: result.status || 1 };
      };
      needs(t, 'rkt-fetch', { work, rights: { reads: [right] } });
    }
  });

  test('rkt-prepare needs what makes the files of an image, and a user namespace for them', (t) => {
    const rkt = makeRkt(t);
    let count = 0;
    const layout = `oci:${join(images, 'oddities')}:latest`;
    const work: Work = (program) => {
      const dir = `--dir=${join(rkt.dir, String(count++))}`;
      const id = run(join(bin, 'rkt-fetch'), dir, '--quiet', '--full', layout).stdout.trim();
      const result = run(program, dir, '--quiet', '--insecure-options=image', id, '--', 'true');
      const { stdout } = run(join(bin, 'rkt-status'), dir, result.stdout.trim());
      // Without a user namespace there is a pod, but not the one that was wanted; of the messages the last one counts.
      const isWhole = /^userns=\d+:65536$/m.test(stdout);
      return { ...result, status: isWhole ? result.status : 1, stderr: `${result.stderr.trim().split('\n').at(-1)}\n` };
    };
    // An image has no whiteouts and no set-group-id files of strangers that would need these.
    const idle = ['CAP_FSETID', 'CAP_MKNOD'];
    const capabilities = declarationOf('prepare').capabilities.filter((name) => !idle.includes(name));
    needs(t, 'rkt-prepare', { work, rights: { capabilities } });
  });

  test('seccomp-compile needs the files that are named, and the directory of its output', (t) => {
    const place = mkdtempSync(join(tmpdir(), 'rkt-rights-'));
    t.after(() => rmSync(place, { recursive: true, force: true }));
    const profile = join(root, 'packages', 'seccomp-tools', 'profiles', 'default.json');
    const work: Work = (program) => run(program, `--output=${join(place, 'filter')}`, profile);
    needs(t, 'seccomp-compile', { work, rights: { reads: ['$WORDS'] } });
  });
});

// In a process of its own: this one waits for those that ask it.
const REGISTRY = `
  const server = require('node:http').createServer(({ headers }, response) => {
    const isKnown = headers.authorization?.startsWith('Basic ');
    if (!isKnown) response.setHeader('WWW-Authenticate', 'Basic realm="test"');
    response.writeHead(isKnown ? 404 : 401).end();
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

/** A registry that answers 404 to whom it knows, and 401 to everybody else; returns its host and port. */
async function startRegistry(t: TestContext): Promise<string> {
  const child = spawn(process.execPath, ['-e', REGISTRY], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const [port]: unknown[] = await once(child.stdout, 'data');
  return `127.0.0.1:${String(port).trim()}`;
}
