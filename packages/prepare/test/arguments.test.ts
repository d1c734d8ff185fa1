// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments } from '../src/arguments.ts';

const IMAGE = 'docker://a/b';

test('parseArguments() gives options to the image before them and words behind -- to its app', () => {
  const { images, pod } = parseArguments([
    '--net=host', IMAGE, '--user=1', '--exec', '/bin/x', '--', '--user=2', '-v', '---', 'oci:y', '--hostname=h', '--user', '3',
  ]); // prettier-ignore
  assert.equal(pod.net, 'host');
  assert.equal(pod.hostname, 'h');
  assert.deepEqual(
    images.map(({ image, given, args }) => [image, given.user, given.exec, args]),
    [
      [IMAGE, '1', '/bin/x', ['--user=2', '-v']],
      ['oci:y', '3', undefined, []],
    ],
  );
});

test('parseArguments() takes --mount before the first image for every app', () => {
  const { mounts, images } = parseArguments(['--mount=volume=a,target=/a', IMAGE, '--mount', 'volume=b,target=/b']);
  assert.deepEqual(mounts, ['volume=a,target=/a']);
  assert.deepEqual(images[0]?.given.mount, ['volume=b,target=/b']);
});

test('parseArguments() takes --readonly-rootfs and --net with and without a value', () => {
  const { images } = parseArguments([IMAGE, '--readonly-rootfs', 'oci:x', '--readonly-rootfs=true', 'oci:y']);
  assert.deepEqual(
    images.map(({ given }) => given['readonly-rootfs']),
    ['true', 'true', 'false'],
  );
});

test('parseArguments() refuses app options before an image, arguments without one, unknown and unfinished options', () => {
  for (const argv of [
    ['--user=1', IMAGE],
    ['--', 'x'],
    [IMAGE, '--nope'],
    [IMAGE, '--user'],
    ['--net=bridge', IMAGE],
    [IMAGE, '-z'],
  ]) {
    assert.throws(() => parseArguments(argv), { name: 'Failure', status: 64 }, argv.join(' '));
  }
});
