// SPDX-License-Identifier: Apache-2.0
// Pods of an ordinary user, from the image to nothing left.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { makeAci } from '../images/aci.ts';
import { busyboxLayer, storeImages } from './made.ts';
import { bin, images, makeRkt, runPod, startPod } from './rkt.ts';
import { makeUserRkt, skipUsers, type UserRkt } from './user.ts';

const UNLIMITED = 'rkt-prepare: cannot limit "pids.limit": no pids controller of cgroup v2 is delegated to you\n';

/** The files below a directory whose owner is a subordinate id. */
function subordinateFiles({ user }: UserRkt, path: string): string[] {
  const found = execFileSync('find', [path, '-printf', '%U %p\\n'], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return found.split('\n').filter((line) => Number(line.split(' ')[0]) >= user.first);
}

function phasesOf({ dir }: UserRkt): string[] {
  return readdirSync(join(dir, 'pods')).flatMap((phase) => readdirSync(join(dir, 'pods', phase)));
}

/** The subordinate ids that processes of this user's pods run as; who has ended and waits to be reaped does not run. */
function runningIds({ user }: UserRkt): number[] {
  const ids = readdirSync('/proc').flatMap((pid) => {
    // Other tests have users with the same ids: the mounts of a process tell whose it is.
    if (!/^\d+$/.test(pid) || !textOf(`/proc/${pid}/mountinfo`).includes(user.directory)) return [];
    const id = Number(/^Uid:\t(\d+)/m.exec(textOf(`/proc/${pid}/status`))?.[1]);
    return id >= user.first ? [id] : [];
  });
  return [...new Set(ids)].toSorted((one, other) => one - other);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

suite('the life of a pod without root', { skip: skipUsers }, () => {
  test('prepare, run-prepared, enter, list, status, cat-plan, cat-manifest, stop, gc', async (t) => {
    const rkt = makeUserRkt(t);
    const pod = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '1000'] });
    assert.match(rkt.ok('list', '--full'), new RegExp(`${pod.uuid}.*running`));
    assert.equal(rkt.ok('enter', pod.uuid.slice(0, 13), 'hostname'), `rkt-${pod.uuid}`);
    assert.equal(rkt.run('enter', pod.uuid, 'sh', '-c', 'exit 7').status, 7);
    const status = rkt.ok('status', pod.uuid);
    assert.match(status, /^state=running$/m);
    assert.match(
      status,
      new RegExp(`^userns=${rkt.user.first}:65536, shared by the pods of uid ${rkt.user.uid}$`, 'm'),
    );
    assert.match(
      rkt.ok('cat-plan', pod.uuid),
      /^# pod .*\n# without root: .*\nunshare_user 0:54321:1,1:1900000000:65536 /m,
    );
    const manifest: { owner: { uid: number } } = JSON.parse(rkt.ok('cat-manifest', pod.uuid));
    assert.equal(manifest.owner.uid, rkt.user.uid);
    assert.equal(rkt.ok('stop', pod.uuid), `"${pod.uuid}"`);
    assert.equal(await pod.ended, 128 + 15);
    assert.match(rkt.run('status', pod.uuid).stdout, /^app-busybox=143$/m);
    assert.notDeepEqual(subordinateFiles(rkt, join(rkt.dir, 'pods')), []);
    rkt.ok('gc', '--grace-period=0s');
    rkt.ok('gc', '--grace-period=0s');
    assert.equal(rkt.ok('list', '--no-legend'), '');
    assert.deepEqual(phasesOf(rkt), []);
    assert.deepEqual(runningIds(rkt), []);
  });

  test('run ends with the status of the app, and says what it cannot execute', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const { status, stdout, stderr } = runPod(rkt, image, { args: ['echo', 'hello world'] });
    assert.deepEqual([status, stdout, stderr], [0, 'hello world\n', UNLIMITED]);
    const secure = runPod(rkt, image, {
      options: ['--insecure-options=userns'],
      args: ['cat', '/proc/self/uid_map'],
    });
    assert.match(secure.stdout, /^ +0 +1 +65536$/m);
    assert.match(secure.stderr, /--insecure-options=userns changes nothing/);
    assert.equal(runPod(rkt, image, { args: ['sh', '-c', 'exit 42'] }).status, 42);
    assert.equal(runPod(rkt, image, { args: ['sh', '-c', 'kill -9 $$'] }).status, 137);
    const missing = runPod(rkt, image, { args: ['nosuch'] });
    assert.equal(missing.status, 127);
    assert.match(missing.stderr, /^stage1: .*executable file not found in \$PATH\n$/m);
    assert.equal(runPod(rkt, image, { args: ['/etc/passwd'] }).status, 126);
  });

  test('an installation in a home that is closed to others, and a umask that closes files, do no harm', (t) => {
    const rkt = makeUserRkt(t);
    const clone = join(rkt.user.home, 'clone');
    mkdirSync(clone);
    rkt.user.give(clone);
    const before = `mount --bind ${join(bin, '..', '..')} ${clone}; umask 077`;
    const layer = busyboxLayer().subarray(512);
    const { image = '' } = storeImages(rkt, { image: { layers: [layer], config: { Cmd: ['/bin/true'] } } });
    execFileSync('chown', ['-R', `${rkt.user.uid}:${rkt.user.uid}`, join(rkt.dir, 'store')]);
    const words = [
      '--insecure-options=image',
      image,
      '--user=1000',
      '--',
      'sh',
      '-c',
      'cat /etc/hostname; stat -c %a /',
    ];
    const { stdout, stderr } = rkt.where({ before }).execute(join(clone, 'dist', 'bin', 'rkt-run'), ...words);
    assert.match(stdout, /^rkt-[0-9a-f-]{36}\n755\n$/, stderr);
    rkt.where({ before }).execute(join(clone, 'dist', 'bin', 'rkt-gc'), '--grace-period=0s');
    rkt.where({ before }).execute(join(clone, 'dist', 'bin', 'rkt-gc'), '--grace-period=0s');
    assert.deepEqual(phasesOf(rkt), []);
  });

  test('run fetches what is missing into the store of the user', (t) => {
    const rkt = makeUserRkt(t);
    const image = `oci:${join(images, 'busybox')}:latest`;
    assert.equal(runPod(rkt, image, { args: ['id', '-u'] }).stdout, '0\n');
    assert.equal(statSync(join(rkt.dir, 'store', 'index.json')).uid, rkt.user.uid);
    assert.match(rkt.ok('image', 'list', '--no-legend'), /busybox/);
  });

  test('rm, and image gc, remove files of subordinate ids', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const script = 'mkdir /x; touch /x/y; chown -R 1000:1000 /x; chmod 0 /x /x/y; mkfifo /p';
    const uuid = rkt.ok('prepare', '--quiet', '--insecure-options=image', image, '--', 'sh', '-c', script);
    assert.equal(rkt.run('run-prepared', uuid).status, 0);
    const upper = join(rkt.dir, 'pods', 'run', uuid, 'apps', 'busybox', 'data', 'upper');
    assert.equal(statSync(join(upper, 'x', 'y')).uid, rkt.user.first + 1000);
    assert.equal(rkt.ok('rm', uuid), `"${uuid}"`);
    assert.deepEqual(phasesOf(rkt), []);
    rkt.ok('image', 'rm', image);
    assert.notDeepEqual(subordinateFiles(rkt, rkt.user.home), []);
    rkt.ok('image', 'gc', '--grace-period=0s');
    assert.deepEqual(readdirSync(join(rkt.dir, 'layers')), []);
    assert.deepEqual(subordinateFiles(rkt, rkt.user.home), []);
  });

  test('kill -9 of the parent ends the pod and frees its lock; stop --force kills what ignores its signal', async (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const killed = await startPod(rkt, image, { args: ['sleep', '1000'] });
    killed.child.kill('SIGKILL');
    await killed.ended;
    rkt.ok('status', '--wait=30s', killed.uuid);
    const stubborn = await startPod(rkt, image, { args: ['sh', '-c', 'trap "" TERM; while true; do sleep 1; done'] });
    rkt.ok('stop', '--force', stubborn.uuid);
    assert.equal(await stubborn.ended, 137);
    assert.deepEqual(runningIds(rkt), []);
  });

  test('Debian: apt-get, bash, owners, users, chown, and setuid files that lend nothing', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('debian');
    const bash = (script: string) => runPod(rkt, image, { args: ['bash', '-c', script] }).stdout;
    assert.match(bash('apt-get --version'), /^apt \d/);
    assert.equal(
      bash('stat -c "%u:%g %a" /etc/passwd /etc/shadow /var/mail /tmp; getent passwd www-data; id -un nobody'),
      '0:0 644\n0:42 640\n0:8 2775\n0:0 1777\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nnobody\n',
    );
    assert.equal(bash('touch /f && chown 1000:50 /f && chmod 600 /f && stat -c %u:%g /f && cat /f'), '1000:50\n');
    assert.equal(
      bash('chown 65535:65535 /tmp && stat -c %u /tmp; chown 65536 /tmp 2>&1 | grep -o "Invalid argument"'),
      '65535\nInvalid argument\n',
    );
    const lend = 'cp /usr/bin/id /usr/bin/lent; chmod 6755 /usr/bin/lent; setpriv --reuid=33 --regid=33 --clear-groups';
    assert.equal(bash(`${lend} /usr/bin/lent -u; ${lend} /usr/bin/lent -g`), '33\n33\n');
    assert.equal(bash('su www-data -s /bin/bash -c "id -u; cat /etc/shadow"'), '33\n');
    assert.equal(
      runPod(rkt, image, { options: ['--user=www-data'], args: ['id'] }).stdout,
      'uid=33(www-data) gid=33(www-data) groups=33(www-data)\n',
    );
  });

  test('servers: nginx in a network of its own, redis in that of the host', async (t) => {
    const rkt = makeUserRkt(t);
    const nginx = await startPod(rkt, rkt.image('nginx'), { args: [] });
    const ask =
      'until exec 3<>/dev/tcp/127.0.0.1/18080; do sleep 0.1; done 2>/dev/null; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3';
    assert.match(
      rkt.ok('enter', nginx.uuid, 'timeout', '30', 'bash', '-c', ask),
      /^HTTP\/1\.1 200 OK\r\n[^]*nginx in a pod$/,
    );
    assert.deepEqual(runningIds(rkt), [rkt.user.first, rkt.user.first + 33]);
    rkt.ok('stop', nginx.uuid);
    assert.equal(await nginx.ended, 0);
    const redis = await startPod(rkt, rkt.image('redis'), {
      options: ['--net=host'],
      args: ['--port', '0', '--unixsocket', '/tmp/socket'],
    });
    const ping = 'until redis-cli -s /tmp/socket ping 2>/dev/null; do sleep 0.1; done';
    assert.equal(rkt.ok('enter', redis.uuid, 'timeout', '30', 'sh', '-c', ping), 'PONG');
    rkt.ok('stop', redis.uuid);
    assert.equal(await redis.ended, 0);
    assert.deepEqual(runningIds(rkt), []);
  });

  test('a terminal of its own, by run and by enter', async (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const onTerminal = (
      steps: readonly (readonly (string | number)[])[],
      command: string,
      ...words: readonly string[]
    ) => {
      const [file, args] = rkt.user.argv([join(bin, `rkt-${command}`), ...words]);
      const program = [join(import.meta.dirname, 'terminal.py'), JSON.stringify(steps), file, ...args];
      const text = execFileSync('python3', program, {
        encoding: 'utf8',
        env: rkt.user.environment(),
        cwd: rkt.user.home,
      });
      const session: { shown: string; status: number; restored: boolean } = JSON.parse(text);
      return session;
    };
    const script =
      'tty; stat -c "%u %g" $(tty); trap "stty size; exit 5" WINCH; echo ready; while :; do sleep 0.1; done';
    const steps = [['wait', 'ready'], ['size', 44, 155], ['wait', '44 155'], ['end']]; // prettier-ignore
    const options = ['--insecure-options=image', '--interactive', image, '--', 'sh', '-c', script];
    const ran = onTerminal(steps, 'run', ...options);
    assert.match(ran.shown, /^\/dev\/pts\/0\r\n0 5\r\nready\r\n44 155\r\n$/m);
    assert.deepEqual([ran.status, ran.restored], [5, true]);
    const pod = await startPod(rkt, image, { args: ['sleep', '1000'] });
    const entered = onTerminal([['end']], 'enter', pod.uuid, 'sh', '-c', 'tty; exit 4');
    assert.deepEqual([entered.shown, entered.status, entered.restored], ['/dev/pts/0\r\n', 4, true]);
    pod.child.kill('SIGKILL');
    await pod.ended;
  });

  test('volumes: files of the user for the root of the pod, and an empty one', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const path = join(rkt.user.home, 'files');
    mkdirSync(path, { mode: 0o700 });
    writeFileSync(join(path, 'secret'), 'mine\n', { mode: 0o600 });
    for (const each of [path, join(path, 'secret')]) rkt.user.give(each);
    const volume = (more: string) => [
      '--volume',
      `v,kind=host,source=${path}${more}`,
      '--mount',
      'volume=v,target=/mnt/v',
    ];
    const read = runPod(rkt, image, {
      options: volume(',readOnly=true'),
      args: ['sh', '-c', 'cat /mnt/v/secret; stat -c %u /mnt/v/secret; touch /mnt/v/x'],
    });
    assert.equal(read.stdout, 'mine\n65536\n');
    assert.match(read.stderr, /Read-only file system/);
    assert.equal(runPod(rkt, image, { options: volume(''), args: ['touch', '/mnt/v/made'] }).status, 0);
    assert.equal(statSync(join(path, 'made')).uid, rkt.user.first);
    // Who runs as the id of the user makes files of the user.
    const options = [...volume(''), '--user=65536', '--group=65536'];
    assert.equal(runPod(rkt, image, { options, args: ['touch', '/mnt/v/own'] }).status, 0);
    assert.equal(statSync(join(path, 'own')).uid, rkt.user.uid);
    const empty = ['--volume', 'e,kind=empty,mode=0700,uid=5,gid=6', '--mount', 'volume=e,target=/e'];
    assert.equal(runPod(rkt, image, { options: empty, args: ['stat', '-c', '%a %u %g', '/e'] }).stdout, '700 5 6\n');
  });

  test('image: what is extracted belongs to the user and lends nothing', (t) => {
    const rkt = makeUserRkt(t);
    const layer = busyboxLayer({ path: 'lent', mode: 0o6755, uid: 5, gid: 6, content: 'x' });
    const { image = '' } = storeImages(rkt, { image: { layers: [layer], config: { Cmd: ['/bin/true'] } } });
    execFileSync('chown', ['-R', `${rkt.user.uid}:${rkt.user.uid}`, join(rkt.dir, 'store')]);
    const target = join(rkt.user.home, 'files');
    rkt.ok('image', 'extract', '--rootfs-only', image, target);
    const { mode, uid, gid } = statSync(join(target, 'lent'));
    assert.deepEqual([mode & 0o7777, uid, gid], [0o755, rkt.user.uid, rkt.user.uid]);
    assert.deepEqual(subordinateFiles(rkt, target), []);
    assert.deepEqual(phasesOf(rkt), []);
    rkt.ok('image', 'extract', '--overwrite', '--rootfs-only', image, target);
  });

  test("an image in appc's format runs, with the files of what it depends on", (t) => {
    const rkt = makeUserRkt(t);
    const busybox = readFileSync(execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim());
    const app = { exec: ['/bin/busybox', 'cat', '/etc/both'], user: '0', group: '0' };
    const made = {
      base: { name: 'example.com/base', files: { 'bin/busybox': busybox, 'etc/both': 'base\n', 'etc/hidden': '' } },
      app: {
        name: 'example.com/app',
        files: { 'etc/both': 'app\n' },
        manifest: {
          app,
          dependencies: [{ imageName: 'example.com/base' }],
          pathWhitelist: ['/bin/busybox', '/etc/both'],
        },
      },
    };
    for (const [file, options] of Object.entries(made)) {
      const path = join(rkt.user.home, `${file}.aci`);
      writeFileSync(path, makeAci(options).bytes, { mode: 0o644 });
      rkt.ok('fetch', '--quiet', '--pull-policy=never', path);
    }
    const run = (...words: string[]) => rkt.run('run', '--insecure-options=image', 'example.com/app', ...words);
    assert.equal(run().stdout, 'app\n');
    assert.doesNotMatch(run('--exec=/bin/busybox', '--', 'ls', '/etc').stdout, /hidden/);
    const target = join(rkt.user.home, 'files');
    rkt.ok('image', 'render', '--rootfs-only', 'example.com/app', target);
    assert.equal(readFileSync(join(target, 'etc', 'both'), 'utf8'), 'app\n');
  });

  test('run-prepared refuses the pod of another user, and stage1 its plan', (t) => {
    const rkt = makeUserRkt(t);
    const uuid = rkt.ok('prepare', '--quiet', '--insecure-options=image', rkt.image('busybox'));
    const plan = join(rkt.dir, 'pods', 'prepared', uuid, 'plan');
    const foreign = rkt.user.uid + 1;
    for (const path of [
      '',
      '.local',
      '.local/share',
      '.local/share/rkt',
      '.local/share/rkt/pods',
      '.local/share/rkt/pods/prepared',
    ])
      chmodSync(join(rkt.user.home, path), 0o755);
    chownSync(plan, foreign, foreign);
    chmodSync(plan, 0o644);
    const own = rkt.run('run-prepared', uuid);
    assert.deepEqual([own.status, own.stderr], [77, `stage1: ${plan}: cannot read: it belongs to somebody else\n`]);
    chownSync(plan, rkt.user.uid, rkt.user.uid);
    chmodSync(join(plan, '..'), 0o755);
    // Root executes no plan that a user has written either, nor one with the rights of its owner.
    const root = makeRkt(t);
    const asRoot = root.run('run-prepared', `--dir=${rkt.dir}`, uuid);
    assert.deepEqual(
      [asRoot.status, asRoot.stderr],
      [77, `stage1: ${plan}: cannot read: its directory belongs to somebody else\n`],
    );
    const prepared = root.run(
      'prepare',
      `--dir=${rkt.dir}`,
      '--insecure-options=image',
      'docker://registry.example.com/busybox',
    );
    assert.equal(prepared.status, 77);
    assert.match(prepared.stderr, /its layers have the user ids of uid 54321\n$/);
    // A user has no pods in the directory of root.
    chmodSync(root.dir, 0o755);
    const elsewhere = rkt.run('prepare', `--dir=${root.dir}`, '--insecure-options=image', root.image('busybox'));
    assert.deepEqual(
      [elsewhere.status, elsewhere.stderr],
      [77, `rkt-prepare: cannot prepare a pod in "${root.dir}": it is not yours: wanted sudo, or another --dir\n`],
    );
  });

  test('stage1 does not let a plan map ids that the user does not have', (t) => {
    const rkt = makeUserRkt(t);
    const uuid = rkt.ok('prepare', '--quiet', '--insecure-options=image', rkt.image('busybox'));
    const plan = join(rkt.dir, 'pods', 'prepared', uuid, 'plan');
    const text = readFileSync(plan, 'utf8');
    writeFileSync(plan, text.replaceAll('1:1900000000:65536', '1:0:65536'));
    const { status, stderr } = rkt.run('run-prepared', uuid);
    assert.equal(status, 125);
    assert.match(stderr, /^stage1: .*: newuidmap refused: wanted a line for these ids in \/etc\/subuid\n$/);
    assert.ok(existsSync(join(bin, 'rkt')));
  });
});
