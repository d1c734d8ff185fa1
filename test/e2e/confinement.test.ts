// SPDX-License-Identifier: Apache-2.0
// What an executable may do is what it declares: each is started by its launcher with other code in it, which tries the rest.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { flagSets } from '@rkt/plan';
import { becomesStage1, mounts, parseDeclaration, type Declaration } from '@rkt/confinement';

const root = join(import.meta.dirname, '..', '..');
const skip = process.getuid?.() === 0 ? false : 'drops from root to other users';
const NOBODY = 65534;

interface Executable {
  readonly name: string;
  readonly declaration: Declaration;
}

/** Every executable that is a bundle. */
const executables: readonly Executable[] = readdirSync(join(root, 'packages')).flatMap((folder) => {
  const bin = join(root, 'packages', folder, 'bin');
  if (!existsSync(bin)) return [];
  const file = join(root, 'packages', folder, 'privileges.json');
  const declaration = parseDeclaration(JSON.parse(readFileSync(file, 'utf8')), file);
  const bundles = readdirSync(bin).filter((name) => name.endsWith('.ts'));
  return bundles.map((name) => ({ name: basename(name, '.ts'), declaration }));
});

/** An installation in which the code of each executable is the probe. */
function install(t: TestContext): string {
  const place = mkdtempSync(join(tmpdir(), 'rkt-confinement-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  chmodSync(place, 0o755);
  const lib = join(place, 'dist', 'lib', 'rkt');
  cpSync(join(root, 'dist'), join(place, 'dist'), { recursive: true, dereference: true });
  for (const { name } of executables) {
    writeFileSync(
      join(lib, `${name}.js`),
      `//\n${readFileSync(join(root, 'test', 'confinement', 'probe.js'), 'utf8')}`,
    );
    rmSync(join(lib, `${name}.js.code`), { force: true });
  }
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    '-o',
    join(lib, 'attempts.node'),
    join(root, 'test', 'confinement', 'attempts.c'),
  ]);
  return place;
}

type Outcome = Readonly<Record<string, string>>;

/** Everybody may do everything with it: only the confinement stands in the way. */
function makeCanary(path: string): string {
  mkdirSync(path);
  writeFileSync(join(path, 'file'), 'canary\n');
  for (const open of [path, join(path, 'file')]) chmodSync(open, 0o777);
  return path;
}

interface Run {
  readonly place: string;
  readonly uid: number;
  readonly port: number;
  readonly victim: number;
}

/** Starts the executable with the probe in it, variables that it must not get, and one that tells the probe its victims. */
function probe({ name }: Executable, { place, uid, port, victim }: Run): Outcome {
  const program = join(place, 'dist', 'bin', name);
  const home = join(place, `home-${String(uid)}`);
  mkdirSync(home, { recursive: true });
  const canary = makeCanary(join(place, `canary-${name}-${String(uid)}`));
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    // What an attempt mounts goes with it.
    ['--mount', '--propagation=private', 'setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', program],
    {
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        TERM: `${victim} ${port} ${canary}`,
        SECRET: 'x',
        LD_LIBRARY_PATH: '/nowhere',
      },
    },
  );
  assert.equal(status, 0, `${name}: ${stderr}`);
  return Object.fromEntries(stdout.trim().split('\n').map((line) => line.split(' '))); // prettier-ignore
}

function maskOf(names: readonly string[]): string {
  const bits = names.map((name) => 1n << BigInt(flagSets.capability.findIndex((known) => known === name)));
  return bits.reduce((mask, bit) => mask | bit, 0n).toString(16).padStart(16, '0'); // prettier-ignore
}

/** EPERM by the filter, ENOSYS for what it does not know, EAFNOSUPPORT for families of sockets. */
const REFUSED = /^(1|38|97)$/;
const NEVER = ['ptrace', 'bpf', 'add-key', 'io-uring', 'userfaultfd', 'perf', 'module', 'handle', 'reboot', 'socket-packet', 'socket-alg', 'socket-vsock']; // prettier-ignore
const FILES = ['read-canary', 'list-canary', 'write-canary', 'truncate-canary', 'link-canary', 'read-shadow', 'read-other', 'execute', 'signal']; // prettier-ignore

/** What must have failed, and what the declaration allows. */
function check({ name, declaration }: Executable, found: Outcome, uid: number): void {
  const what = `${name} as ${uid}: ${JSON.stringify(found)}`;
  const allowed = (attempt: string) => assert.equal(found[attempt], '0', `${attempt} of ${what}`);
  const refused = (attempt: string) => assert.match(found[attempt] ?? '', REFUSED, `${attempt} of ${what}`);
  assert.equal(found['NoNewPrivs'], '1', what);
  assert.equal(found['Seccomp'], '2', what);
  for (const attempt of NEVER) refused(attempt);
  if (declaration.environment.includes('*')) assert.match(found['environment'] ?? '', /SECRET/);
  else assert.equal(found['environment'], 'HOME,PATH,TERM', what);
  if (!mounts(declaration)) {
    for (const attempt of FILES) {
      if (attempt === 'signal' && declaration.capabilities.includes('CAP_KILL')) continue;
      assert.match(found[attempt] ?? '', /^(EACCES|EPERM)$/, `${attempt} of ${what}`);
    }
    for (const attempt of ['mount', 'unshare-user', 'keyctl']) refused(attempt);
  }
  if (declaration.network === 'client') {
    allowed('connect');
    assert.equal(found['listen'], 'EACCES', what);
  } else {
    refused('socket-inet');
    assert.notEqual(found['connect'], '0', what);
    assert.notEqual(found['listen'], '0', what);
  }
}

suite('confinement of executables', { skip }, () => {
  test('what is not declared is refused by the kernel, and what is declared is there', async (t) => {
    const place = install(t);
    const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const address: AddressInfo | string | null = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    for (const uid of [0, NOBODY]) {
      const victim = spawn('setpriv', [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'sleep', '1000']);
      t.after(() => victim.kill('SIGKILL'));
      for (const executable of executables) {
        const { declaration } = executable;
        // An ordinary user mounts in a user namespace, and what becomes a pod is confined by the plan of the pod.
        if (becomesStage1(declaration) || (uid !== 0 && mounts(declaration))) continue;
        const found = probe(executable, { place, uid, port, victim: victim.pid ?? 0 });
        check(executable, found, uid);
        if (uid !== 0) continue;
        const mask = maskOf(declaration.capabilities);
        for (const set of ['CapPrm', 'CapEff', 'CapBnd'])
          assert.equal(found[set], mask, `${set} of ${executable.name}`);
      }
    }
  });
});
