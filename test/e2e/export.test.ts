// SPDX-License-Identifier: Apache-2.0
// What an app leaves behind, as an archive: compared with what the app saw, and with what tar reads of the same overlay.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { bin, makeRkt, runPod, skipPods, type Rkt } from './rkt.ts';
import { makeUserRkt, skipUsers } from './user.ts';

/** What a layer above others can do to them. */
const CHANGES = `set -e
echo new >/new; ln /new /hard; chown 5:6 /new; chmod 4755 /new
rm /bin/vi /bin/ed; rm -r /home; mkdir /home; echo x >/home/x
mkdir -p /d/e; mkfifo /d/fifo; touch /usr/name\\ with\\ space "/usr/two
lines"
ln -s /etc/shadow /d/shadow; ln -s ../../../../../../etc /d/up; ln -s /proc/1/root /d/e/host
cd /; find bin d home new hard usr ! -type d -exec stat -c '%N %f %u:%g %s' {} + | sort >/tmp/seen; cat /tmp/seen`;

/** The same, to look at again. */
const LOOK = `cd /; find bin d home new hard usr ! -type d -exec stat -c '%N %f %u:%g %s' {} + | sort`;

/** Each file with its mode, owner and size, as GNU tar lists them. */
function listing(tar: string): string[] {
  return execFileSync('tar', ['--numeric-owner', '-tvf', tar], { encoding: 'utf8', maxBuffer: 1 << 26 }).split('\n');
}

/** The tar that GNU tar makes of the overlay of the app, mounted by hand. */
function tarOfOverlay(rkt: Rkt, uuid: string, app: string): string {
  const home = join(rkt.dir, 'pods', 'run', uuid, 'apps', app);
  const { apps } = JSON.parse(readFileSync(join(rkt.dir, 'pods', 'run', uuid, 'pod.json'), 'utf8'));
  const trees: string[] = apps[0].image.layers.map((id: string) => join(rkt.dir, 'layers', id.slice(7), 'tree'));
  const lower = [join(home, 'data', 'upper'), ...trees.toReversed()].join(':');
  const file = join(rkt.dir, 'overlay.tar');
  const script = 'mount -t overlay -o ro,lowerdir="$0" none "$1" && tar --numeric-owner --sort=name -C "$1" -cf "$2" .';
  execFileSync('unshare', ['-m', 'sh', '-c', script, lower, join(home, 'rootfs'), file]);
  return file;
}

function endedPod(rkt: Rkt): { uuid: string; seen: string } {
  const { status, stdout, stderr } = runPod(rkt, rkt.image('busybox'), { args: ['sh', '-c', CHANGES] });
  assert.equal(status, 0, stderr);
  const [uuid = ''] = readdirSync(join(rkt.dir, 'pods', 'run'));
  return { uuid, seen: stdout };
}

suite('rkt export', { skip: skipPods }, () => {
  test('a tar has what tar reads of the overlay of the app, and a second one is the same', (t) => {
    const rkt = makeRkt(t);
    const { uuid } = endedPod(rkt);
    const [file, again] = [join(rkt.dir, 'one.tar'), join(rkt.dir, 'two.tar')];
    rkt.ok('export', uuid, file);
    assert.deepEqual(listing(file), listing(tarOfOverlay(rkt, uuid, 'busybox')));
    rkt.ok('export', '--format=tar', uuid, again);
    assert.ok(readFileSync(file).equals(readFileSync(again)));
    assert.deepEqual(
      readdirSync(join(rkt.dir, 'pods', 'run', uuid, 'apps', 'busybox')).filter((name) => name.startsWith('.')),
      [],
    );
  });

  test('links that the app made lead nowhere: nothing of the host is in the archive', (t) => {
    const rkt = makeRkt(t);
    const { uuid } = endedPod(rkt);
    const file = join(rkt.dir, 'x.tar');
    rkt.ok('export', uuid, file);
    const lines = listing(file).filter((line) => / \.\/d\//.test(line));
    const kinds = lines.map((line) => [line[0], line.replace(/^.* \.\/d\//, '')]);
    assert.deepEqual(kinds, [
      ['d', ''],
      ['d', 'e/'],
      ['l', 'e/host -> /proc/1/root'],
      ['p', 'fifo'],
      ['l', 'shadow -> /etc/shadow'],
      ['l', 'up -> ../../../../../../etc'],
    ]);
  });

  test('an ACI runs again, with the files of the app and as the app was run', (t) => {
    const rkt = makeRkt(t);
    const { uuid, seen } = endedPod(rkt);
    const file = join(rkt.dir, 'x.aci');
    rkt.ok('export', uuid, file);
    const again = rkt.run('run', '--quiet', '--insecure-options=image', file, '--exec=/bin/sh', '--', '-c', LOOK);
    assert.equal(again.stdout, seen, again.stderr);
    assert.equal(rkt.run('export', uuid, file).status, 64);
    writeFileSync(file, 'old');
    rkt.ok('export', '--overwrite', uuid, file);
    assert.equal(readFileSync(file).subarray(0, 2).toString('hex'), '1f8b');
  });

  test('an archive of the OCI is an image that skopeo and rkt take, with the files of the app', (t) => {
    const rkt = makeRkt(t);
    const { uuid, seen } = endedPod(rkt);
    const [file, again] = [join(rkt.dir, 'x.oci'), join(rkt.dir, 'y.oci')];
    rkt.ok('export', '--format=oci', uuid, file);
    rkt.ok('export', '--format=oci', uuid, again);
    assert.ok(readFileSync(file).equals(readFileSync(again)));
    const config = JSON.parse(
      execFileSync('skopeo', ['inspect', '--config', `oci-archive:${file}`], { encoding: 'utf8' }),
    );
    assert.deepEqual([config.config.User, config.config.Entrypoint.slice(0, 2)], ['0:0', ['sh', '-c']]);
    // Read by others, with their eyes on the digests.
    execFileSync('skopeo', ['copy', '-q', `oci-archive:${file}`, `dir:${join(rkt.dir, 'copy')}`]);
    const image = `oci-archive:${file}`;
    const run = rkt.run('run', '--quiet', '--insecure-options=image', image, '--exec=/bin/sh', '--', '-c', LOOK);
    assert.equal(run.stdout, seen, run.stderr);
    assert.deepEqual(
      readdirSync(rkt.dir).filter((name) => name.startsWith('.')),
      [],
    );
  });

  test('a disk that is full leaves neither a file nor a part of one, in any format', (t) => {
    const rkt = makeRkt(t);
    const { uuid } = endedPod(rkt);
    const place = join(rkt.dir, 'small');
    mkdirSync(place);
    const script = 'mount -t tmpfs -o size=256k none "$0" && { "$@" "$0/x.tar"; status=$?; ls -A "$0"; exit $status; }';
    for (const format of ['aci', 'oci', 'tar']) {
      const command = [join(bin, 'rkt-export'), `--dir=${rkt.dir}`, `--format=${format}`, uuid];
      const options = { encoding: 'utf8', timeout: 60_000 } as const;
      const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script, place, ...command], options);
      assert.deepEqual([status, stdout], [71, ''], stderr);
      assert.match(stderr, /^rkt-export: [^\n]*no space left[^\n]*\n$/);
    }
  });

  test('a file that cannot be written leaves nothing behind', (t) => {
    const rkt = makeRkt(t);
    const { uuid } = endedPod(rkt);
    const { status, stderr } = rkt.run('export', uuid, join(rkt.dir, 'nowhere', 'x.tar'));
    assert.notEqual(status, 0);
    assert.match(stderr, /^rkt-export: [^\n]+\n$/);
    assert.deepEqual(
      readdirSync(join(rkt.dir, 'pods', 'run', uuid, 'apps', 'busybox')).filter((name) => name.startsWith('.')),
      [],
    );
  });
});

suite('rkt export without root', { skip: skipUsers }, () => {
  test('the users of the files are those that the app saw', (t) => {
    const rkt = makeUserRkt(t);
    const args = ['sh', '-c', 'echo a >/a; chown 5:6 /a; chmod 0 /a; mkdir -m 0 /locked; ls -n / >/tmp/x'];
    const { status, stderr } = runPod(rkt, rkt.image('busybox'), { args });
    assert.equal(status, 0, stderr);
    const [uuid = ''] = readdirSync(join(rkt.dir, 'pods', 'run'));
    const file = join(rkt.user.home, 'x.tar');
    rkt.ok('export', uuid, file);
    const lines = listing(file);
    assert.ok(
      lines.some((line) => /^---------- 5\/6 +2 .* \.\/a$/.test(line)),
      lines.join('\n'),
    );
    assert.ok(lines.some((line) => /^d--------- 0\/0 .* \.\/locked\/$/.test(line)));
    const foreign = lines.filter((line) => line !== '' && Number(line.split(/\s+/)[1]?.split('/')[0]) > 65535);
    assert.deepEqual(foreign, []);
    rkt.ok('export', uuid, join(rkt.user.home, 'x.aci'));
    assert.ok(existsSync(join(rkt.user.home, 'x.aci')));
  });
});
