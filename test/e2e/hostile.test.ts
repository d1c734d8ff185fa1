// SPDX-License-Identifier: Apache-2.0
// Images made to harm: each is refused in one line, or runs and harms nobody.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { tar, type Entry } from '../images/tar.ts';
import { busyboxLayer, storeImages, type Made } from './made.ts';
import { bin, makeRkt, skipPods, startPod, type Result, type Rkt } from './rkt.ts';

/** A directory of the host that no pod may change or see, and what it looks like. */
function canary(rkt: Rkt) {
  const path = join(rkt.dir, 'canary');
  mkdirSync(path);
  writeFileSync(join(path, 'file'), 'canary\n');
  const look = () =>
    execFileSync('stat', ['-c', '%n %F %a %u %g %s %h %Y %Z', path, join(path, 'file')], { encoding: 'utf8' });
  const before = look();
  return {
    path,
    check: (what: string): void => {
      assert.deepEqual(readdirSync(path), ['file'], what);
      assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'canary\n', what);
      assert.equal(look(), before, what);
    },
  };
}

/** Nothing of a refused or ended pod stays but what `rkt gc` collects. */
function checkCollected(rkt: Rkt): void {
  rkt.ok('gc', '--grace-period=0s', '--expire-prepared=0s');
  rkt.ok('gc', '--grace-period=0s', '--expire-prepared=0s');
  assert.equal(rkt.ok('list', '--no-legend'), '');
  const pods = join(rkt.dir, 'pods');
  for (const phase of existsSync(pods) ? readdirSync(pods) : []) {
    assert.deepEqual(readdirSync(join(pods, phase)), [], phase);
  }
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(rkt.dir));
}

/** A refusal: the status, and one line on standard error without control characters. */
function checkRefused({ status, stdout, stderr }: Result, { code, what }: { code: number; what: string }): void {
  assert.equal(status, code, `${what}: ${stderr}`);
  assert.equal(stdout, '', what);
  assert.match(stderr, /^[^\u0000-\u001f\u007f-\u009f\u202a-\u202e]+\n$/, what);
}

function withUser(User: string, passwd: readonly Entry[] = []): Made {
  return { layers: [busyboxLayer({ path: 'etc', type: 'directory' }, ...passwd)], config: { User, Cmd: ['id', '-u'] } };
}

suite('hostile images', { skip: skipPods }, () => {
  test('paths that the runtime uses are links to the host', (t) => {
    const rkt = makeRkt(t);
    const host = canary(rkt);
    const paths = [
      'dev', 'proc', 'sys', 'run', 'tmp', 'dev/pts', 'dev/shm', 'dev/mqueue', 'dev/null', 'dev/ptmx', 'dev/fd', 'dev/console',
      'etc', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'etc/mtab', 'etc/passwd', 'proc/self', 'var', 'volume',
    ]; // prettier-ignore
    const made = paths.flatMap((path) =>
      [host.path, `${'../'.repeat(9)}${host.path.slice(1)}/file`].map((target, index) => {
        const parents = path.includes('/') ? [{ path: path.split('/')[0] ?? '', type: 'directory' } as const] : [];
        const layers = [busyboxLayer(...parents, { path, type: 'symlink', target })];
        const name = `${path.replaceAll(/[/.]/g, '-')}-${index}`;
        return [
          name,
          { layers, config: { Cmd: ['sh', '-c', `ls /canary/file ${host.path}/file 2>/dev/null; echo ran`] } },
        ] as const;
      }),
    );
    const references = storeImages(rkt, Object.fromEntries(made));
    const volume = ['--volume', 'v,kind=empty', '--mount', 'volume=v,target=/volume'];
    for (const [name, reference] of Object.entries(references)) {
      const { status, stdout, stderr } = rkt.run('run', '--insecure-options=image', reference, ...volume);
      host.check(name);
      // Mount points of every pod must be what they are; other links are the app's business, and lead nowhere.
      const code = /^(dev|proc|sys|etc|etc-hosts|etc-hostname)-\d$/.test(name)
        ? 65
        : name.startsWith('volume')
          ? 125
          : 0;
      assert.deepEqual([status, stdout], [code, code === 0 ? 'ran\n' : ''], name + stderr);
      if (code !== 0) checkRefused({ status, stdout, stderr }, { code, what: name });
    }
    checkCollected(rkt);
  });

  test('layers that write through links, or name what is above the root', (t) => {
    const rkt = makeRkt(t);
    const host = canary(rkt);
    const up = `${'../'.repeat(9)}${host.path.slice(1)}`;
    const link = (path: string, target: string): Entry => ({ path, type: 'symlink', target });
    const harmless = new Set([
      'link-then-file-above', 'link-then-directory', 'link-then-mode', 'file-absolute', 'whiteout-through', 'whiteout-opaque-through', 'overlay-redirect',
    ]); // prettier-ignore
    const layers: Readonly<Record<string, readonly (readonly Entry[])[]>> = {
      'link-then-file': [[link('a', host.path), { path: 'a/x', content: 'x' }]],
      'link-then-file-above': [[link('a', up)], [{ path: 'a/x', content: 'x' }]],
      'link-then-directory': [[link('a', host.path), { path: 'a', type: 'directory', mode: 0o777, uid: 7 }]],
      'link-then-mode': [[link('a', join(host.path, 'file'))], [{ path: 'a', mode: 0o777, content: 'x' }]],
      'file-above': [[{ path: `${up}/x`, content: 'x' }]],
      'file-absolute': [[{ path: join(host.path, 'x'), content: 'x' }]],
      'hard-link': [[{ path: 'a', type: 'link', target: join(host.path, 'file') }, { path: 'a', content: 'x' }]],
      'hard-link-above': [[{ path: 'a', type: 'link', target: `${up}/file` }]],
      'hard-link-through': [[link('a', host.path), { path: 'b', type: 'link', target: 'a/file' }]],
      'root-is-a-link': [[link('.', host.path), { path: 'x', content: 'x' }]],
      'whiteout-through': [[link('a', host.path)], [{ path: 'a/.wh.file' }]],
      'whiteout-opaque-through': [[link('a', host.path)], [{ path: 'a/.wh..wh..opq' }]],
      'whiteout-of-parent': [[{ path: 'a', type: 'directory' }, { path: 'a/.wh...' }]],
      'whiteout-of-nothing': [[{ path: '.wh.' }]],
      'overlay-whiteout': [[{ path: 'a', type: 'char', device: { major: 0, minor: 0 } }]],
      'overlay-redirect': [[{ path: 'a', type: 'directory', xattrs: { 'trusted.overlay.redirect': Buffer.from('/etc') } }]],
    }; // prettier-ignore
    const references = storeImages(
      rkt,
      Object.fromEntries(
        Object.entries(layers).map(([name, list]) => [
          name,
          { layers: [...list.map((entries) => tar(entries)), busyboxLayer()], config: { Cmd: ['true'] } },
        ]),
      ),
    );
    for (const [name, reference] of Object.entries(references)) {
      const result = rkt.run('run', '--insecure-options=image', reference);
      host.check(name);
      if (!harmless.has(name)) checkRefused(result, { code: 65, what: name });
      else assert.equal(result.status, 0, name + result.stderr);
    }
    checkCollected(rkt);
  });

  test('users that are no user', (t) => {
    const rkt = makeRkt(t);
    const host = canary(rkt);
    const passwd = (content: string): Entry => ({ path: 'etc/passwd', content });
    const file = 'me:x:1000:1000::/:/bin/sh\n';
    const made: Readonly<Record<string, readonly [Made, string | undefined]>> = {
      'too-big': [withUser('4294967296'), undefined],
      unchanged: [withUser('4294967295'), undefined],
      huge: [withUser('9'.repeat(400)), undefined],
      hexadecimal: [withUser('0x0'), undefined],
      negative: [withUser('-1'), undefined],
      plus: [withUser('+0'), undefined],
      space: [withUser(' 0'), undefined],
      'line-feed': [withUser('me\nroot', [passwd(file)]), undefined],
      'group-too-big': [withUser('0:4294967296'), undefined],
      outside: [withUser('65536'), undefined],
      'no-group': [withUser('1000:'), '1000'],
      number: [withUser('1000', [passwd('1000:x:0:0::/:/bin/sh\n')]), '1000'],
      'second-root': [withUser('root', [passwd('root:x:1000:0::/:\nroot:x:0:0::/:\n')]), '1000'],
      link: [withUser('me', [{ path: 'etc/passwd', type: 'symlink', target: join(host.path, 'file') }]), undefined],
      fifo: [withUser('me', [{ path: 'etc/passwd', type: 'fifo' }]), undefined],
      directory: [withUser('me', [{ path: 'etc/passwd', type: 'directory' }]), undefined],
      'too-long': [withUser('me', [passwd(`${'#\n'.repeat(8 << 20)}${file}`)]), undefined],
      'home-with-line-feed': [withUser('me', [passwd('me:x:1000:1000::/\u0001\u001b[2J:/bin/sh\n')]), '1000'],
    };
    const references = storeImages(
      rkt,
      Object.fromEntries(Object.entries(made).map(([name, [image]]) => [name, image])),
    );
    for (const [name, [, wanted]] of Object.entries(made)) {
      const result = rkt.run('run', '--insecure-options=image', references[name] ?? '');
      if (wanted === undefined) checkRefused(result, { code: 65, what: name });
      else assert.deepEqual([result.status, result.stdout], [0, `${wanted}\n`], name + result.stderr);
    }
    host.check('users');
    checkCollected(rkt);
  });

  test('control characters in what an image says reach no terminal', async (t) => {
    const rkt = makeRkt(t);
    const evil = '\u001b]52;c;AAAA\u0007\r\n\u202e\u009b2J';
    const config = { Labels: { [evil]: evil, name: evil }, Env: [`EVIL=${evil}`], Cmd: ['sleep', '1000'], User: '0' };
    const { image = '' } = storeImages(rkt, { image: { layers: [busyboxLayer()], config } });
    const pod = await startPod(rkt, image, { args: [] });
    const outputs = [
      rkt.run('list', '--full'), rkt.run('status', pod.uuid), rkt.run('image', 'list'), rkt.run('image', 'list', '--full'), rkt.run('cat-plan', pod.uuid),
      rkt.run('prepare', '--insecure-options=image', image, `--user=${evil}`), rkt.run('status', evil), rkt.run('image', 'rm', evil), rkt.run('prepare', evil),
    ]; // prettier-ignore
    for (const { stdout, stderr } of outputs) {
      assert.doesNotMatch(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
    pod.child.kill('SIGKILL');
    await pod.ended;
  });

  test('junk descriptors and variables of the caller stay outside, also from enter', async (t) => {
    const rkt = makeRkt(t);
    const { image = '' } = storeImages(rkt, {
      image: { layers: [busyboxLayer()], config: { Cmd: ['sleep', '1000'] } },
    });
    const descriptors = Array.from({ length: 20 }, () => openSync('/etc/passwd', 'r'));
    t.after(() => descriptors.forEach((fd) => closeSync(fd)));
    const stdio = ['ignore', 'pipe', 'pipe', ...descriptors] as const;
    const env = { ...process.env, RKT_CANARY: 'leaked', LD_PRELOAD: '', BASH_ENV: '/leaked', NODE_OPTIONS: '' };
    const pod = await startPod(rkt, image, { args: [] });
    const script =
      'ls /proc/self/fd; cat /proc/self/environ /proc/1/environ; for i in 3 9 15; do pwd </proc/self/fd/$i; done 2>/dev/null';
    for (const words of [
      ['run', '--insecure-options=image', image, '--', 'sh', '-c', script],
      ['enter', pod.uuid, 'sh', '-c', script],
    ]) {
      const [command, ...rest] = words;
      const { stdout, stderr } = spawnSync(join(bin, `rkt-${command}`), [`--dir=${rkt.dir}`, ...rest], {
        stdio: [...stdio],
        env,
        encoding: 'utf8',
      });
      // The fourth is the directory that ls reads.
      assert.match(stdout, /^0\n1\n2\n3\n[^\d]/, stderr);
      assert.doesNotMatch(stdout, /leaked/);
    }
    pod.child.kill('SIGKILL');
    await pod.ended;
  });

  test('documents that are not what they should be', (t) => {
    const rkt = makeRkt(t);
    const { image = '' } = storeImages(rkt, { image: { layers: [busyboxLayer()], config: {} } });
    const path = join(rkt.dir, 'store', 'index.json');
    const index = JSON.parse(readFileSync(path, 'utf8'));
    const digests = [
      'sha256:../../x',
      `sha1:${'a'.repeat(40)}`,
      `sha256:${'A'.repeat(64)}`,
      'sha256:',
      '',
      7,
      null,
      `sha256:${'0'.repeat(64)}/../x`,
    ];
    const documents = [
      ...digests.map((digest) => JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], digest }] })),
      '', '[]', 'null', '{', '['.repeat(100_000), `{"manifests":${'['.repeat(5000)}${']'.repeat(5000)}}`, '\u0000', '{"schemaVersion":2,"manifests":{}}',
      JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], size: 1e308 }] }), JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], size: -1 }] }),
    ]; // prettier-ignore
    for (const document of documents) {
      writeFileSync(path, document);
      const result = rkt.run('prepare', '--insecure-options=image', image);
      assert.ok([65, 66].includes(result.status ?? 0), `${document.slice(0, 200)}: ${result.stderr}`);
      checkRefused(result, { code: result.status ?? 0, what: document.slice(0, 200) });
    }
    checkCollected(rkt);
  });

  test('what an image asks for changes nothing outside', (t) => {
    const rkt = makeRkt(t);
    const host = canary(rkt);
    const layers = [busyboxLayer({ path: 'w', type: 'symlink', target: host.path })];
    const configs: Readonly<Record<string, readonly [number, Made['config']]>> = {
      'directory-is-a-link': [125, { WorkingDir: '/w', Cmd: ['pwd'] }],
      'directory-below-a-link': [125, { WorkingDir: '/w/made', Cmd: ['pwd'] }],
      'directory-in-proc': [65, { WorkingDir: '/proc/self/fd/5', Cmd: ['pwd'] }],
      'directory-above': [65, { WorkingDir: '../../..', Cmd: ['pwd'] }],
      'volume-is-a-link': [125, { Volumes: { '/w': {} }, Cmd: ['true'] }],
      'volume-above': [65, { Volumes: { [`/..${host.path}`]: {} }, Cmd: ['true'] }],
      'volume-proc': [65, { Volumes: { '/proc': {} }, Cmd: ['true'] }],
      'variable-of-the-caller': [0, { Env: ['RKT_CANARY', '*', 'PATH=/bin'], Cmd: ['env'] }],
      'signal-with-a-command': [65, { StopSignal: `9; touch ${host.path}/x`, Cmd: ['true'] }],
      'program-of-the-host': [127, { Entrypoint: [`/../../..${host.path}/file`] }],
    };
    process.env['RKT_CANARY'] = 'leaked';
    t.after(() => delete process.env['RKT_CANARY']);
    const made = Object.entries(configs).map(([name, [, config]]) => [name, { layers, config }] as const);
    for (const [name, reference] of Object.entries(storeImages(rkt, Object.fromEntries(made)))) {
      const result = rkt.run('run', '--insecure-options=image', reference);
      const code = configs[name]?.[0] ?? 0;
      if (code === 0) assert.equal(result.status, 0, name + result.stderr);
      else checkRefused(result, { code, what: name });
      host.check(name);
      assert.doesNotMatch(result.stdout + result.stderr, /leaked/, name);
    }
    checkCollected(rkt);
  });
});
