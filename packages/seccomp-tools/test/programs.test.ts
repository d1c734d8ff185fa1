// SPDX-License-Identifier: Apache-2.0
// Runs ordinary programs under the default profile: each must do the same as without. Needs a C compiler, no privilege.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { compile, defaultProfile } from '../src/index.ts';
import { build, here, noCompiler, scratch, writeFilter } from './programs-of-c.ts';

const directory = scratch({ after });
const loader = noCompiler ? '' : build('load-filter', directory);
const filter = writeFilter(compile(defaultProfile(), { arch: here ?? 'x86_64' }), directory);
const environment = {
  ...process.env,
  HOME: directory,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
};

function unless(...programs: readonly string[]): string | false {
  if (noCompiler) return noCompiler;
  const missing = programs.find((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return missing === undefined ? false : `no ${missing} on this machine`;
}

/** Runs a shell script under the filter in a directory of its own; returns what it prints on both outputs. */
function runFiltered(t: TestContext, script: string): string {
  const cwd = scratch(t);
  const { status, signal, stdout, stderr } = spawnSync(loader, [filter, 'bash', '-euc', script], {
    cwd,
    env: environment,
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.equal(status, 0, `${signal ?? status}: ${stdout}${stderr}`);
  assert.ok(!/Function not implemented|Operation not permitted|Bad system call/.test(stderr), stderr);
  return stdout;
}

const scripts: readonly { name: string; needs: readonly string[]; script: string; prints: RegExp }[] = [
  {
    name: 'bash with pipes, jobs, process substitution and traps',
    needs: ['bash'],
    script:
      'trap "echo bye" EXIT; sleep 0 & wait $!; diff <(seq 3) <(seq 3) && seq 1000 | sort -n | tail -1; ulimit -n; umask',
    prints: /1000[^]*bye/,
  },
  {
    name: 'coreutils and findutils',
    needs: ['find', 'tar', 'gzip'],
    script:
      'mkdir d; echo x > d/f; ln -s f d/l; mkfifo d/p; cp -a d e; mv e/f e/g; touch -d @0 e/g; chmod 4755 e/g; stat -c %a e/g;' +
      'tar czf t.tgz d; tar xzf t.tgz; find d -newer e/g | wc -l; rm -r d e; df . > /dev/null; nproc > /dev/null; timeout 60 true',
    prints: /4755/,
  },
  {
    name: 'python3 with threads, processes, sockets, subprocesses and asyncio',
    needs: ['python3'],
    script:
      'python3 -c "' +
      'import asyncio, multiprocessing, socket, subprocess, threading, tempfile, os, mmap, select, fcntl\n' +
      't = threading.Thread(target=print, args=(1,)); t.start(); t.join()\n' +
      "with multiprocessing.get_context('fork').Pool(2) as p: print(sum(p.map(abs, range(-9, 0))))\n" +
      "print(subprocess.check_output(['echo', 'two']).decode())\n" +
      "a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))\n" +
      "socket.create_server(('127.0.0.1', 0)).close()\n" +
      'print(asyncio.run(asyncio.sleep(0, 3)))\n' +
      "print(socket.getaddrinfo('localhost', 80) != [])\n" +
      "tempfile.TemporaryFile().write(b'x'); os.memfd_create('x'); os.sched_getaffinity(0); os.urandom(1)\"",
    prints: /45[^]*two[^]*3\nTrue/,
  },
  {
    name: 'node with workers, child processes, files and servers',
    needs: [],
    script:
      `'${process.execPath}' -e "` +
      `const { Worker } = require('worker_threads'); const http = require('http'); const fs = require('fs');` +
      `new Worker('console.log(7)', { eval: true });` +
      `console.log(require('child_process').execFileSync('echo', ['eight']).toString());` +
      `fs.writeFileSync('f', 'x'); fs.watch('f').close(); fs.promises.readFile('f').then((x) => console.log(x.length));` +
      `const s = http.createServer((q, r) => r.end('nine')).listen(0, '127.0.0.1', () => ` +
      `fetch('http://127.0.0.1:' + s.address().port).then((r) => r.text()).then((x) => { console.log(x); s.close(); ` +
      `s.closeAllConnections(); }));"`,
    prints: /eight[^]*nine/,
  },
  {
    name: 'git init, commit, clone, gc and log',
    needs: ['git'],
    script:
      'git init -q r; cd r; echo x > f; git add f; git commit -qm one; git gc -q; cd ..; git clone -q r s; ' +
      'git -C s log --format=%s; git -C s fsck',
    prints: /one/,
  },
  {
    name: 'curl from a server of python3',
    needs: ['curl', 'python3'],
    script:
      'echo hello > f; python3 -u -m http.server 0 --bind 127.0.0.1 > log 2>&1 & server=$!; ' +
      'until grep -q port log; do kill -0 $server; done; ' +
      `curl -s --retry 9 --retry-connrefused "http://127.0.0.1:$(sed -n 's/.*port \\([0-9]*\\).*/\\1/p' log)/f"; kill $server`,
    prints: /hello/,
  },
  {
    name: 'apt-get update and simulated install from a repository on disk',
    needs: ['apt-get', 'dpkg-deb', 'dpkg-scanpackages'],
    script:
      'mkdir -p p/DEBIAN p/usr repo s/lists/partial c/archives/partial; touch status; echo x > p/usr/f; ' +
      'printf "Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@example.com>\\nDescription: p\\n" > p/DEBIAN/control; ' +
      'dpkg-deb --root-owner-group -b p repo/p.deb; cd repo; dpkg-scanpackages . > Packages 2> scan; cd ..; ' +
      'echo "deb [trusted=yes] file:$PWD/repo ./" > list; ' +
      'o="-o Dir::Etc::SourceList=$PWD/list -o Dir::Etc::SourceParts=- -o Dir::State=$PWD/s -o Dir::Cache=$PWD/c ' +
      '-o Dir::State::Status=$PWD/status -o Debug::NoLocking=1 -o APT::Sandbox::User="; ' +
      'apt-get $o update; apt-get $o install -s p; apt-cache $o show p',
    prints: /Inst p[^]*Package: p/,
  },
  {
    name: 'dpkg that installs and removes a package',
    needs: ['dpkg', 'dpkg-deb', 'fakeroot'],
    script:
      'mkdir -p p/DEBIAN p/usr/share/p root/var/lib/dpkg/{info,updates}; touch root/var/lib/dpkg/{status,available}; ' +
      'echo x > p/usr/share/p/f; ' +
      'printf "Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@example.com>\\nDescription: p\\n" > p/DEBIAN/control; ' +
      'dpkg-deb --root-owner-group -b p p.deb; d="fakeroot dpkg --root=root --force-not-root --log=log"; ' +
      'PATH=$PATH:/usr/sbin:/sbin; $d -i p.deb; cat root/usr/share/p/f; $d -r p; test ! -e root/usr/share/p/f',
    prints: /Setting up p[^]*Removing p/,
  },
];

for (const { name, needs, script, prints } of scripts) {
  test(`the default profile lets ${name} work`, { skip: unless(...needs) }, (t) => {
    assert.match(runFiltered(t, script), prints);
  });
}

/** Starts a server under the filter and waits until it accepts connections on a socket file; ends it when disposed. */
async function serve(socket: string, command: readonly string[]): Promise<AsyncDisposable> {
  const server = spawn(loader, [filter, ...command], { stdio: ['ignore', 'ignore', 'pipe'], env: environment });
  const ended = once(server, 'exit');
  let complaints = '';
  server.stderr.on('data', (data) => (complaints += String(data)));
  let isRunning = true;
  server.once('exit', () => (isRunning = false));
  while (!(await accepts(socket))) assert.ok(isRunning, complaints);
  return {
    async [Symbol.asyncDispose]() {
      // Not SIGKILL: nginx would leave its workers behind.
      server.kill('SIGTERM');
      await ended;
    },
  };
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const client = connect(path);
    client.once('connect', () => {
      client.destroy();
      resolve(true);
    });
    client.once('error', () => setImmediate(resolve, false));
  });
}

test('the default profile lets nginx serve a file', { skip: unless('nginx', 'curl'), timeout: 60_000 }, async (t) => {
  const root = scratch(t);
  const socket = join(root, 'socket');
  mkdirSync(join(root, 'www'));
  writeFileSync(join(root, 'www/f'), 'from nginx');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${root}/${kind};`,
  );
  writeFileSync(
    join(root, 'conf'),
    `daemon off; error_log ${root}/log; pid ${root}/pid; worker_processes 2; ${process.getuid?.() === 0 ? 'user root;' : ''}
    events { } http { access_log off; sendfile on; aio threads; ${temporary.join(' ')}
    server { listen unix:${socket}; root ${root}/www; } }`,
  );
  await using _server = await serve(socket, ['nginx', '-c', join(root, 'conf'), '-e', join(root, 'log')]);
  const { stdout } = spawnSync('curl', ['-s', '--unix-socket', socket, 'http://localhost/f'], { encoding: 'utf8' });
  assert.equal(stdout, 'from nginx');
});

test(
  'the default profile lets redis keep, save and return a value',
  { skip: unless('redis-server', 'redis-cli'), timeout: 60_000 },
  async (t) => {
    const root = scratch(t);
    const socket = join(root, 'socket');
    await using _server = await serve(socket, [
      'redis-server',
      '--port',
      '0',
      '--unixsocket',
      socket,
      '--dir',
      root,
      '--appendonly',
      'yes',
    ]);
    const ask = (...words: string[]) =>
      spawnSync('redis-cli', ['-s', socket, ...words], { encoding: 'utf8' }).stdout.trim();
    assert.equal(ask('set', 'k', 'v'), 'OK');
    assert.equal(ask('save'), 'OK');
    assert.equal(ask('get', 'k'), 'v');
  },
);
