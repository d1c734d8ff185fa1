// SPDX-License-Identifier: Apache-2.0
// The Debian package: how it is made, and a system on which it is installed, used and purged.
// The tests of the system stand in the order in which things happen to it.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { apart } from '../../scripts/bundle/esbuild.ts';
import { loadBundle } from '../../scripts/bundle/load.ts';
import { images, skipPods, type Result } from '../e2e/rkt.ts';
import { startRegistry, type Registry } from '../registry.ts';
import { filesBelow, script, startSystem, type System } from '../system.ts';

let place = '';
let deb = '';

before(() => {
  place = mkdtempSync(join(tmpdir(), 'rkt-package-'));
  const { status, stdout, stderr } = script('package', [join(place, 'one')]);
  assert.deepEqual([status, stderr], [0, '']);
  deb = stdout.trim();
});

after(() => rmSync(place, { recursive: true }));

suite('scripts/package', () => {
  test('makes the same bytes wherever and whenever', () => {
    mkdirSync(join(place, 'tmp'));
    const env = { TMPDIR: join(place, 'tmp'), TZ: 'Asia/Tokyo', LC_ALL: 'C.UTF-8' };
    const previous = process.umask(0o077);
    const { status, stdout, stderr } = script('package', [join(place, 'two')], env);
    process.umask(previous);
    assert.deepEqual([status, stderr], [0, '']);
    assert.ok(readFileSync(stdout.trim()).equals(readFileSync(deb)));
  });

  test('makes what lintian has no error to tell of, with the dependencies of Node', () => {
    const unpacked = join(place, 'unpacked');
    execFileSync('dpkg-deb', ['--extract', deb, unpacked]);
    execFileSync('lintian', ['--fail-on', 'error', '--allow-root', deb]);
    mkdirSync(join(place, 'debian'));
    writeFileSync(join(place, 'debian', 'control'), 'Source: rkt\n\nPackage: rkt\nArchitecture: any\n');
    const analyse = ['-O', '-e', 'unpacked/usr/lib/rkt/node'];
    const found = execFileSync('dpkg-shlibdeps', analyse, { cwd: place, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }); // prettier-ignore
    const declared = execFileSync('dpkg-deb', ['--field', deb, 'Depends'], { encoding: 'utf8' });
    for (const dependency of found.trim().replace('shlibs:Depends=', '').split(', '))
      assert.ok(declared.includes(dependency), `${dependency}: ${declared}`);
    const lib = join(unpacked, 'usr', 'lib', 'rkt');
    // Of the library that anybody may replace no code is kept, and start.js is what loads the code of others.
    const bare = ['start.js', `${apart}.js`];
    assert.deepEqual(
      bare.filter((name) => existsSync(join(lib, `${name}.code`)) || !existsSync(join(lib, name))),
      [],
    );
    for (const name of readdirSync(lib).filter((file) => file.endsWith('.js') && !bare.includes(file))) {
      assert.ok(loadBundle(join(lib, name)).isWarm, name);
      // Not what ran when this clone was built, but all.
      const ofBuild = statSync(join(import.meta.dirname, '..', '..', 'dist', 'lib', 'rkt', `${name}.code`));
      assert.ok(statSync(join(lib, `${name}.code`)).size > ofBuild.size, name);
    }
  });
});

// What an installation may change and nobody calls a rest: the records of dpkg, caches, logs, copies of the user database.
const RECORDS = [
  'var/lib/dpkg',
  'var/cache',
  'var/log',
  'tmp',
  'etc/passwd-',
  'etc/shadow-',
  'etc/group-',
  'etc/gshadow-',
  'etc/.pwd.lock',
];
const USERS = ['etc/passwd', 'etc/group', 'etc/shadow', 'etc/gshadow', 'etc/subuid', 'etc/subgid'];

interface Snapshot {
  readonly files: readonly string[];
  readonly users: readonly string[];
}

/** Lets a program of systemd do with this root directory what the configuration of the same name in the repository says. */
function bySystemd(root: string, [program = '', ...options]: readonly string[]): void {
  const file = `${program.replace('systemd-', '')}.conf`;
  execFileSync(program, [
    ...options,
    `--root=${root}`,
    join(import.meta.dirname, '..', '..', 'scripts', 'system', file),
  ]);
}

suite('a system with the package', { skip: skipPods }, () => {
  let system: System;
  let registry: Registry;
  let snapshot: Snapshot;
  let busybox = '';

  const look = (): Snapshot => ({
    files: filesBelow(system.root, ...RECORDS),
    users: USERS.map((path) => join(system.root, path)).map((path) =>
      existsSync(path) ? readFileSync(path, 'utf8') : '',
    ),
  });
  const statOf = (path: string) => system.ok(['stat', '-c', '%U:%G %a', path]);
  const fetch = (reference: string, ...more: readonly string[]) => [
    'rkt',
    'fetch',
    '--quiet',
    '--insecure-options=http',
    ...more,
    reference,
  ];
  const prepare = (...args: readonly string[]) =>
    system.ok(['rkt', 'prepare', '--quiet', '--insecure-options=image', busybox, '--', ...args]);

  // What was started ends, whatever fails on the way.
  const ends: (() => Promise<void>)[] = [];

  before(async () => {
    system = await startSystem();
    ends.push(system.stop);
    registry = await startRegistry({ auth: 'basic' });
    ends.push(registry.stop);
    busybox = await registry.push(`oci:${join(images, 'busybox')}:latest`, 'busybox:1');
    for (const user of ['alice', 'bob']) system.ok(['useradd', '--create-home', user]);
    for (const [home, owner] of [
      ['home/alice', 'alice'],
      ['home/bob', 'bob'],
      ['root', 'root'],
    ] as const) {
      const directory = join(system.root, home, '.docker');
      mkdirSync(directory, { mode: 0o700 });
      copyFileSync(registry.authFile, join(directory, 'config.json'));
      chmodSync(join(directory, 'config.json'), 0o600);
      system.ok(['chown', '-R', owner, `/${home}/.docker`]);
    }
    copyFileSync(deb, join(system.root, 'tmp', 'rkt.deb'));
    snapshot = look();
  });

  after(async () => {
    for (const end of ends) await end();
  });

  test('has its user, its group, and directories of theirs', () => {
    // Root used a clone before. Files stay root's: see decision 18.
    const store = '/var/lib/rkt/store';
    system.ok(['sh', '-ec', `mkdir -p ${store}/blobs/sha256 && : >${store}/blobs/sha256/${'0'.repeat(64)}`]);
    system.ok(['dpkg', '--install', '/tmp/rkt.deb']);
    assert.equal(system.ok(['dpkg', '--verify', 'rkt']), '');
    const [, , uid, gid, , home, shell] = system.ok(['getent', 'passwd', 'rkt']).split(':');
    assert.deepEqual([Number(uid) < 1000, home, shell], [true, '/nonexistent', '/usr/sbin/nologin']);
    assert.equal(system.ok(['getent', 'group', 'rkt']), `rkt:x:${String(gid)}:`);
    for (const [path, wanted] of [
      ['/var/lib/rkt', 'root:root 755'],
      [store, 'rkt:rkt 2775'],
      [`${store}/blobs`, 'rkt:rkt 2775'],
      [`${store}/blobs/sha256`, 'rkt:rkt 2775'],
      [`${store}/blobs/sha256/${'0'.repeat(64)}`, 'root:root 644'],
      ['/run/rkt', 'root:root 755'],
      ['/etc/rkt', 'root:root 755'],
      ['/etc/rkt/auth.d', 'root:rkt 2750'],
    ] as const)
      assert.equal(statOf(path), wanted, path);
    // The same again changes nothing, and neither do the programs of systemd where there are any.
    chmodSync(join(system.root, 'etc', 'rkt'), 0o700);
    const made = look();
    system.ok(['dpkg', '--install', '/tmp/rkt.deb']);
    assert.deepEqual(look(), made);
    for (const words of [['systemd-sysusers'], ['systemd-tmpfiles', '--create']]) bySystemd(system.root, words);
    rmSync(join(system.root, 'run', 'rkt'), { recursive: true });
    assert.deepEqual(look(), made);
    chmodSync(join(system.root, 'etc', 'rkt'), 0o755);
    // Where nothing is there yet, they make the same user.
    mkdirSync(join(place, 'empty', 'etc'), { recursive: true });
    bySystemd(join(place, 'empty'), ['systemd-sysusers']);
    const lines = readFileSync(join(place, 'empty', 'etc', 'passwd'), 'utf8');
    assert.match(lines, /^rkt:x:\d+:\d+:rkt, which fetches images:\/nonexistent:\/usr\/sbin\/nologin$/m);
    assert.match(
      made.users.join('\n'),
      /^rkt:x:\d+:\d+:rkt, which fetches images:\/nonexistent:\/usr\/sbin\/nologin$/m,
    );
  });

  test('lets members of group rkt fetch into its store, and nobody else', () => {
    const dir = '--dir=/var/lib/rkt';
    const stranger = system.run(fetch(busybox, dir), { user: 'alice' });
    assert.deepEqual([stranger.status, stranger.stdout], [77, ''], stranger.stderr);
    system.ok(['usermod', '--append', '--groups', 'rkt', 'alice']);
    const id = system.ok(fetch(busybox, dir, '--full'), { user: 'alice' });
    const blob = `/var/lib/rkt/store/blobs/sha256/${id.replace('sha256:', '')}`;
    assert.equal(statOf(blob), 'alice:rkt 644');
    assert.equal(system.run(fetch(busybox, dir), { user: 'bob' }).status, 77);
    assert.match(system.ok(fetch(busybox), { user: 'bob' }), /^sha256:/);
  });

  test('changes nothing where a member of the group leads root, and is installed again all the same', () => {
    const inStore = (commands: string) =>
      system.ok(['sh', '-ec', `cd /var/lib/rkt/store && ${commands}`], { user: 'alice' });
    system.ok(['mkdir', '-m', '700', '/root/private']);
    inStore(
      'mv partial kept && ln -s /root/private partial && mv blobs/sha256 kept2 && ln -s /root/private blobs/sha256',
    );
    system.ok(['dpkg', '--install', '/tmp/rkt.deb']);
    assert.equal(statOf('/root/private'), 'root:root 700');
    inStore('rm partial blobs/sha256 && mv kept partial && mv kept2 blobs/sha256');
    system.ok(['rmdir', '/root/private']);
  });

  test('lets root say who is trusted, and nobody else, whatever group', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(join(system.root, 'tmp', 'key.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    const words = ['rkt', 'trust', '--root', '--skip-fingerprint-review', '/tmp/key.pub'];
    const refused = system.run(words, { user: 'alice' });
    assert.deepEqual([refused.status, refused.stdout], [77, ''], refused.stderr);
    system.ok(words);
    const [name = ''] = readdirSync(join(system.root, 'etc/rkt/trustedkeys/root.d'));
    assert.equal(statOf(`/etc/rkt/trustedkeys/root.d/${name}`), 'root:root 644');
  });

  test('receives what registries send as user rkt, also for root', async () => {
    const reference = await registry.push(`oci:${join(images, 'oddities')}:latest`, 'oddities:1');
    const trace = join(place, 'trace');
    const by = ['strace', '-f', '-o', trace, '-e', 'trace=socket,setresuid'];
    const known = new Set(filesBelow(join(system.root, 'var/lib/rkt/store')));
    const { status, stderr } = system.run(fetch(reference), { by });
    assert.equal(status, 0, stderr);
    const uid = system.ok(['id', '-u', 'rkt']);
    const calls = readFileSync(trace, 'utf8').split('\n');
    const becomes = calls.findIndex((line) => line.includes(` setresuid(${uid}, ${uid}, ${uid})`));
    const sockets = calls.flatMap((line, index) => (line.includes(' socket(') ? [index] : []));
    assert.ok(becomes >= 0 && sockets.length > 0 && sockets.every((index) => index > becomes), calls.join('\n'));
    const owner = ` f ${uid}:${system.ok(['id', '-g', 'rkt'])} `;
    const made = filesBelow(join(system.root, 'var/lib/rkt/store')).filter((line) => !known.has(line));
    assert.ok(made.length > 2 && made.every((line) => line.includes(owner) || line.includes(' d ')), made.join('\n'));
  });

  test('needs one line of sudoers for whom it is to run prepared pods, and gives nothing else by it', () => {
    writeFileSync(
      join(system.root, 'etc/sudoers.d/alice'),
      'alice ALL=(root) NOPASSWD: /usr/bin/rkt run-prepared *\n',
      { mode: 0o440 },
    );
    const sudo = (...words: readonly string[]): Result => system.run(['sudo', '-n', ...words], { user: 'alice' });
    const uuid = prepare('sh', '-c', 'echo "hello from $(id -u)"; exit 7');
    const { status, stdout, stderr } = sudo('/usr/bin/rkt', 'run-prepared', uuid);
    assert.deepEqual([status, stdout], [7, 'hello from 0\n'], stderr);
    for (const words of [
      ['/usr/bin/rkt', 'prepare', '--insecure-options=image', busybox],
      ['/usr/bin/rkt', 'run', '--insecure-options=image', busybox],
      ['/usr/bin/rkt', 'gc'],
      ['/usr/bin/rkt', 'run-prepared'],
      ['/usr/bin/rkt', `--dir=/var/lib/rkt`, 'run-prepared', uuid],
      ['/usr/bin/rkt-run-prepared', uuid],
      ['/usr/lib/rkt/stage1', '/home/alice/plan'],
      ['id'],
    ]) {
      const refused = sudo(...words);
      assert.deepEqual([refused.status, refused.stdout], [1, ''], words.join(' '));
      assert.match(refused.stderr, /a password is required/);
    }
    const own = ['/usr/bin/rkt', 'prepare', '--dir=/var/lib/rkt', '--insecure-options=image', busybox];
    assert.equal(system.run(own, { user: 'alice' }).status, 77);
  });

  test('executes no plan for them that somebody else could have written', () => {
    const uuid = '11111111-1111-4111-8111-111111111111';
    const write = [
      `mkdir -p /home/alice/rkt/pods/prepared/${uuid} /home/alice/links/pods/prepared`,
      `printf 'mkdir /owned 0755\\n' >/home/alice/rkt/pods/prepared/${uuid}/plan`,
      `ln -s /home/alice/rkt/pods/prepared/${uuid} /home/alice/links/pods/prepared/${uuid}`,
    ].join('\n');
    system.ok(['sh', '-ec', write], { user: 'alice' });
    for (const dir of ['/home/alice/rkt', '/home/alice/links', '/var/lib/rkt/../../../home/alice/rkt']) {
      const words = ['sudo', '-n', '/usr/bin/rkt', 'run-prepared', `--dir=${dir}`, uuid];
      const { status, stdout, stderr } = system.run(words, { user: 'alice' });
      assert.deepEqual([status, stdout], [77, ''], stderr);
      assert.ok(!existsSync(join(system.root, 'owned')));
    }
  });

  test('collects garbage by a service that may do what is declared', () => {
    const unit = readFileSync(join(system.root, 'usr/lib/systemd/system/rkt-gc.service'), 'utf8');
    const value = (name: string) => (new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '').split(' ');
    for (const name of ['rkt-gc.service', 'rkt-gc.timer']) {
      const text = readFileSync(join(system.root, 'usr/lib/systemd/system', name), 'utf8');
      writeFileSync(join(place, name), text.replace('/usr/bin/rkt-gc', '/bin/true'));
    }
    const analyse = ['verify', '--man=no', join(place, 'rkt-gc.timer'), join(place, 'rkt-gc.service')];
    const { status, stderr } = spawnSync('systemd-analyze', analyse, { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
    const pods = '/var/lib/rkt/pods';
    const [uuid] = readdirSync(join(system.root, pods, 'run'));
    // A mount of the system below the pod, as somebody who looked into it may have left it.
    const mounted = `${pods}/run/${String(uuid)}/volumes/left`;
    system.ok(['sh', '-ec', `mkdir -p ${mounted} && mount --bind /etc ${mounted}`]);
    // What the service manager makes of these lines.
    for (const line of [
      'NoNewPrivileges=yes',
      'PrivateNetwork=yes',
      'PrivateMounts=no',
      'RestrictAddressFamilies=none',
    ])
      assert.ok(unit.split('\n').includes(line), line);
    const capabilities = value('CapabilityBoundingSet').map((name) => `+${name.slice(4).toLowerCase()}`);
    const service = ['unshare', '--net', 'setpriv', '--no-new-privs', `--bounding-set=-all,${capabilities.join()}`];
    system.ok([...service, ...value('ExecStart'), '--grace-period=0']);
    assert.deepEqual(readdirSync(join(system.root, pods)).flatMap((phase) => readdirSync(join(system.root, pods, phase))), []); // prettier-ignore
    assert.ok(!system.ok(['cat', '/proc/mounts']).includes(String(uuid)));
    assert.ok(existsSync(join(system.root, 'etc/passwd')));
  });

  test('keeps pods when the package is removed, and all while one runs', async () => {
    const prepared = prepare('true');
    const running = prepare('sleep', '1000');
    const pod = system.start(['rkt', 'run-prepared', running]);
    system.ok(['rkt', 'status', '--wait-ready=30s', running]);
    system.ok(['dpkg', '--remove', 'rkt']);
    assert.ok(!existsSync(join(system.root, 'usr/lib/rkt')));
    assert.ok(existsSync(join(system.root, 'var/lib/rkt/pods/prepared', prepared, 'plan')));
    const refused = system.run(['dpkg', '--purge', 'rkt']);
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, new RegExp(`^rkt: cannot purge: pod "${running}" runs: wanted its end$`, 'm'));
    system.ok(['dpkg', '--install', '/tmp/rkt.deb']);
    system.ok(['rkt', 'stop', running]);
    await once(pod, 'close');
    assert.equal(system.ok(['rkt', 'run-prepared', prepared]), '');
    system.ok(['rkt', 'gc', '--grace-period=0']);
    system.ok(['rkt', 'gc', '--grace-period=0']);
  });

  test('has nothing left of the package when it is purged', () => {
    prepare('true');
    system.ok(['rkt', 'run-prepared', prepare('true')]);
    system.ok(['rm', '-rf', '/etc/sudoers.d/alice', '/home/alice/rkt', '/home/alice/links']);
    system.ok(['gpasswd', '--delete', 'alice', 'rkt']);
    system.ok(['dpkg', '--purge', 'rkt']);
    rmSync(join(system.root, 'home/bob/.local'), { recursive: true });
    const now = look();
    assert.deepEqual(now.users, snapshot.users);
    assert.deepEqual(now.files, snapshot.files);
    assert.equal(system.run(['dpkg', '--status', 'rkt']).status, 1);
  });
});
