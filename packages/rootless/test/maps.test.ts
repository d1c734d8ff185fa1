// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type PodManifest } from '@rkt/formats';
import {
  callerOf,
  hostRanges,
  idsOfPods,
  insideOf,
  isAlone,
  mapsOfLayers,
  mapsOfPod,
  outsideOf,
  proposedLine,
  subordinateRanges,
  type CallerInput,
} from '../src/index.ts';

const alice = { name: 'alice', uid: 1000 };

function callerWith(files: Partial<CallerInput> = {}) {
  const subuid = 'bob:100000:65536\nalice:165536:65536\n';
  return callerOf({ ...alice, gid: 1001, subuid, subgid: subuid, ...files });
}

type Volumes = Pick<PodManifest, 'volumes'>;

const NO_VOLUMES: Volumes = { volumes: [] };
const HOST_VOLUME: Volumes = {
  volumes: [{ kind: 'host', name: 'v', source: '/srv', isFile: false, readOnly: true, recursive: true }],
};

test('subordinateRanges() finds a user by name and by number, in the order of the file', () => {
  const text = '1000:5:1\nalice:100000:65536\n# alice:1:1\nalicex:7:7\nalice:300000:10\n\n';
  assert.deepEqual(subordinateRanges(text, alice), [
    { first: 5, count: 1 },
    { first: 100_000, count: 65_536 },
    { first: 300_000, count: 10 },
  ]);
});

test('subordinateRanges() takes nothing that is no range of ids', () => {
  const wrong = [
    'alice:1',
    'alice:1:',
    'alice:-1:5',
    'alice:1:0',
    'alice:4294967295:1',
    'alice:1:4294967295',
    ' alice:1:1',
  ];
  for (const line of wrong) assert.deepEqual(subordinateRanges(`${line}\n`, alice), [], line);
  assert.deepEqual(subordinateRanges('alice:4294967294:1', alice), [{ first: 4_294_967_294, count: 1 }]);
});

test('subordinateRanges() gives ranges of ids whatever the file says', () => {
  const line = fc.oneof(
    fc.string(),
    fc.tuple(fc.constantFrom('alice', '1000', 'bob'), fc.nat(), fc.nat()).map((parts) => parts.join(':')),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      for (const { first, count } of subordinateRanges(lines.join('\n'), alice)) {
        assert.ok(first >= 0 && count > 0 && first + count <= 4_294_967_295);
      }
    }),
  );
});

test('proposedLine() gives ids that nobody has', () => {
  assert.equal(proposedLine('', alice), 'alice:100000:65536');
  assert.equal(proposedLine('bob:100000:65536\ncarol:300000:5\nbob:5:5\n', alice), 'alice:300005:65536');
  assert.equal(proposedLine('bob:100000:4294867194\n', alice), undefined);
});

test('callerOf() maps the user to 0 and its ranges from 1 on, as many groups as users', () => {
  const { owner, withoutRanges } = callerWith({ subgid: 'alice:500:100\nalice:700:100000\n' });
  assert.equal(withoutRanges, undefined);
  assert.deepEqual(owner, {
    uid: 1000,
    gid: 1001,
    uidMap: [
      { inside: 0, outside: 1000, count: 1 },
      { inside: 1, outside: 165_536, count: 65_536 },
    ],
    gidMap: [
      { inside: 0, outside: 1001, count: 1 },
      { inside: 1, outside: 500, count: 100 },
      { inside: 101, outside: 700, count: 65_436 },
    ],
  });
  const more = callerWith({ subuid: 'alice:100000:200000\n', subgid: 'alice:100000:70001\n' }).owner;
  assert.deepEqual([more.uidMap[1]?.count, more.gidMap[1]?.count], [70_001, 70_001]);
  assert.deepEqual(idsOfPods(more), { first: 1, count: 65_536 });
  assert.deepEqual(mapsOfLayers(more).uid, [{ inside: 0, outside: 1, count: 70_001 }]);
  assert.deepEqual(mapsOfPod(more, NO_VOLUMES).uid, [{ inside: 0, outside: 1, count: 65_536 }]);
  assert.equal(isAlone(owner), false);
});

test('callerOf() names the file that has no line, and a line that would do', () => {
  for (const [files, named] of [
    [{ subuid: '' }, '/etc/subuid'],
    [{ subgid: '' }, '/etc/subgid'],
    [{ subuid: '', subgid: '' }, '/etc/subuid and /etc/subgid'],
  ] as const) {
    const { owner, withoutRanges } = callerWith(files);
    assert.match(
      withoutRanges ?? '',
      new RegExp(`^"alice" has no line in ${named}: wanted a line "alice:\\d+:65536" there$`),
    );
    assert.ok(isAlone(owner));
    assert.deepEqual(
      [owner.uidMap, owner.gidMap].map((map) => map.map(({ count }) => count)),
      [[1], [1]],
    );
  }
});

test('mapsOfPod() leaves the user out, unless the pod gets files of it', () => {
  const { owner } = callerWith();
  assert.deepEqual(idsOfPods(owner), { first: 1, count: 65_536 });
  assert.deepEqual(mapsOfPod(owner, NO_VOLUMES).uid, [{ inside: 0, outside: 1, count: 65_536 }]);
  assert.deepEqual(mapsOfPod(owner, HOST_VOLUME).gid, [
    { inside: 0, outside: 1, count: 65_536 },
    { inside: 65_536, outside: 0, count: 1 },
  ]);
  assert.deepEqual(hostRanges(owner), [{ first: 165_536, count: 65_536 }]);
});

test('mapsOfPod() gives a user without ranges itself, with and without files', () => {
  const { owner } = callerWith({ subuid: '' });
  assert.deepEqual(idsOfPods(owner), { first: 0, count: 1 });
  for (const pod of [NO_VOLUMES, HOST_VOLUME]) {
    assert.deepEqual(mapsOfPod(owner, pod), {
      uid: [{ inside: 0, outside: 0, count: 1 }],
      gid: [{ inside: 0, outside: 0, count: 1 }],
    });
  }
});

test('the maps of a pod cover its ids once each, and each extent lies in one of the owner', () => {
  const ranges = fc.array(fc.tuple(fc.integer({ min: 1, max: 30_000 }), fc.nat({ max: 1000 })), {
    minLength: 1,
    maxLength: 20,
  });
  const file = ranges.map((list) => {
    let at = 100_000;
    return list
      .map(([count, gap]) => {
        const line = `alice:${at}:${count}`;
        at += count + gap;
        return line;
      })
      .join('\n');
  });
  fc.assert(
    fc.property(file, file, fc.boolean(), (subuid, subgid, hasFiles) => {
      const { owner } = callerWith({ subuid, subgid });
      const { first, count } = idsOfPods(owner);
      const maps = mapsOfPod(owner, hasFiles ? HOST_VOLUME : NO_VOLUMES);
      for (const [map, outer] of [
        [maps.uid, owner.uidMap],
        [maps.gid, owner.gidMap],
      ] as const) {
        let next = 0;
        for (const extent of map.slice(0, hasFiles ? -1 : undefined)) {
          assert.equal(extent.inside, next);
          assert.equal(extent.outside, first + extent.inside);
          assert.ok(
            outer.some(
              (each) => extent.outside >= each.inside && extent.outside + extent.count <= each.inside + each.count,
            ),
          );
          next += extent.count;
        }
        assert.equal(next, count);
      }
    }),
  );
});

test('outsideOf() and insideOf() undo each other, and know no id that is not mapped', () => {
  const { owner } = callerWith({ subgid: 'alice:500:100\nalice:700:100000\n' });
  for (const [inside, outside] of [
    [0, 1001],
    [1, 500],
    [100, 599],
    [101, 700],
    [65_536, 66_135],
  ] as const) {
    assert.equal(outsideOf(owner.gidMap, inside), outside);
    assert.equal(insideOf(owner.gidMap, outside), inside);
  }
  assert.equal(outsideOf(owner.gidMap, 65_537), undefined);
  assert.equal(insideOf(owner.gidMap, 600), undefined);
});
