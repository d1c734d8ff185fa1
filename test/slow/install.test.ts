// SPDX-License-Identifier: Apache-2.0
// The files of scripts/install, below a directory: this machine stays as it is.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { filesBelow, script, temporaryDirectory } from '../system.ts';

suite('scripts/install', () => {
  test('installs twice the same, with a Node of its own, and takes all of it away', (t) => {
    const place = temporaryDirectory(t);
    const args = [`--destdir=${place}`, '--prefix', '/opt/rkt/'];
    const first = script('install', args);
    assert.deepEqual([first.status, first.stdout], [0, ''], first.stderr);
    assert.match(first.stderr, /^install: rkt \d+\.\d+\.\d+ is in [^\n]*\/opt\/rkt\n$/);
    const files = filesBelow(place);
    const to = join(place, 'opt', 'rkt');
    for (const path of [
      'bin/rkt',
      'lib/rkt/stage1',
      'lib/sysusers.d/rkt.conf',
      'lib/tmpfiles.d/rkt.conf',
      'lib/systemd/system/rkt-gc.timer',
      'share/man/man1/rkt-fetch.1',
      'share/man/man7/rkt-exit-status.7',
      'share/bash-completion/completions/rkt',
      'share/zsh/site-functions/_rkt',
      'share/fish/vendor_completions.d/rkt.fish',
      'share/doc/rkt/copyright',
    ])
      assert.ok(existsSync(join(to, path)), path);
    assert.ok(lstatSync(join(to, 'lib/rkt/node')).isFile());
    assert.match(
      readFileSync(join(to, 'lib/systemd/system/rkt-gc.service'), 'utf8'),
      /^ExecStart=\/opt\/rkt\/bin\/rkt-gc$/m,
    );
    assert.match(execFileSync(join(to, 'bin', 'rkt'), ['--version'], { encoding: 'utf8' }), /^rkt Version: /);
    assert.ok(
      files.every((line) => / ([df] \d+:\d+ (755|644))$/.test(line)),
      files.join('\n'),
    );

    // What an older version had goes, and what is not of us stays.
    writeFileSync(join(to, 'bin', 'rkt-old'), '');
    writeFileSync(join(to, 'lib', 'rkt', 'old.js'), '');
    writeFileSync(join(to, 'bin', 'other'), '');
    writeFileSync(join(to, 'lib', 'rkt', 'files'), 'bin/rkt-old\n../outside\nbin/../../outside\n', { flag: 'a' });
    writeFileSync(join(to, '..', 'outside'), '');
    assert.equal(script('install', args).status, 0);
    const others = ['opt/rkt/bin/other', 'opt/outside'];
    assert.deepEqual(
      filesBelow(place).filter((line) => !others.some((other) => line.startsWith(other))),
      files,
    );

    const removed = script('install', ['--uninstall', ...args]);
    assert.deepEqual([removed.status, removed.stdout], [0, ''], removed.stderr);
    const left = filesBelow(place).filter((line) => !line.includes(' d '));
    assert.deepEqual(left.map((line) => line.split(' ')[0]), ['opt/outside', 'opt/rkt/bin/other']); // prettier-ignore
    const again = script('install', ['--uninstall', ...args]);
    assert.deepEqual([again.status, again.stderr], [66, `install: cannot uninstall: there is no rkt below ${place}/opt/rkt\n`]); // prettier-ignore
  });

  test('says in one line what it cannot do', (t) => {
    const place = temporaryDirectory(t);
    writeFileSync(join(place, 'file'), '');
    for (const [args, status, pattern] of [
      [['--prefix=relative'], 64, /wanted an absolute path/],
      [['--prefix'], 64, /option --prefix needs a value/],
      [['--destdir', 'relative'], 64, /wanted an absolute path/],
      [['--what'], 64, /unknown option --what/],
      [[place], 64, /wanted no operands/],
      [[`--destdir=${place}/file`], 77, /cannot be made/],
      [[`--destdir=${place}`, '--uninstall'], 66, /there is no rkt/],
    ] as const) {
      const { status: found, stdout, stderr } = script('install', args);
      assert.deepEqual([found, stdout], [status, ''], stderr);
      assert.match(stderr, /^install: [^\n]+\n$/);
      assert.match(stderr, pattern);
    }
    assert.equal(script('package', ['--what']).status, 64);
    assert.deepEqual(filesBelow(place).map((line) => line.split(' ')[0]), ['', 'file']); // prettier-ignore
  });
});
