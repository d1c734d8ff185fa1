// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import { parseRegistriesConf } from '@rkt/formats';
import { parseReference, printReference, type RegistryReference } from '@rkt/names';
import { locationsOf } from '../src/locations.ts';
import { findRegistriesFiles } from '../src/registries-files.ts';
import { temporaryDirectory } from './fixture.ts';

const strict = { http: false, tls: false };
const ZERO = `sha256:${'0'.repeat(64)}`;

function registry(text: string): RegistryReference {
  const reference = parseReference(`docker://${text}`);
  assert.equal(reference.kind, 'docker');
  return reference;
}

/** Where images come from by a configuration: `!` marks places without TLS that anybody could be. */
async function places(configuration: string, image: string): Promise<string[]> {
  const rules = await parseRegistriesConf(Buffer.from(configuration), 'registries.conf');
  return locationsOf(registry(image), { rules, insecure: strict }).map(
    ({ reference, insecure }) =>
      `${printReference(reference).slice('docker://'.length)}${insecure.http && insecure.tls ? '!' : ''}`,
  );
}

const MIRRORS = `
unqualified-search-registries = ["docker.io"]
short-name-mode = "enforcing"
[[registry]]
prefix = "example.com/team"
location = "internal.example.net/moved"
[[registry.mirror]]
location = "mirror.example.net:5000/cache"
insecure = true
[[registry.mirror]]
location = "digests.example.net"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tags.example.net"
pull-from-mirror = "tag-only"
[aliases]
"app" = "example.com/app"
`;

test('locationsOf puts the mirrors first and the registry last, with the rest of the name', async () => {
  assert.deepEqual(await places(MIRRORS, 'example.com/team/a/b:v1'), [
    'mirror.example.net:5000/cache/a/b:v1!',
    'tags.example.net/a/b:v1',
    'internal.example.net/moved/a/b:v1',
  ]);
  assert.deepEqual(await places(MIRRORS, `example.com/team/a@${ZERO}`), [
    `mirror.example.net:5000/cache/a@${ZERO}!`,
    `digests.example.net/a@${ZERO}`,
    `internal.example.net/moved/a@${ZERO}`,
  ]);
  assert.deepEqual(await places(MIRRORS, 'example.com/teams/a:v1'), ['example.com/teams/a:v1']);
  assert.deepEqual(await places(MIRRORS, 'other.example/team/a:v1'), ['other.example/team/a:v1']);
});

test('locationsOf takes the longest prefix, of hosts, repositories, images and tags', async () => {
  const rules = [
    ['example.com', 'a.example'],
    ['example.com/x', 'b.example'],
    ['example.com/x/y', 'c.example/z'],
    ['example.com/x/y:v1', 'd.example/w:v2'],
    ['*.example.com', 'e.example'],
    ['*.b.example.com/only', 'f.example'],
    ['docker.io', 'g.example'],
    ['h.example:5000', 'i.example'],
  ];
  const configuration = rules.map(([prefix, at]) => `[[registry]]\nprefix="${prefix}"\nlocation="${at}"\n`).join('');
  for (const [image, wanted] of [
    ['example.com/q:v1', 'a.example/q:v1'],
    ['Example.com/q:v1', 'a.example/q:v1'],
    ['example.com/x/q:v1', 'b.example/q:v1'],
    ['example.com/x/y:v3', 'c.example/z:v3'],
    ['example.com/x/y:v1', 'd.example/w:v2'],
    ['example.com/x/y:v10', 'c.example/z:v10'],
    ['sub.example.com/q:v1', 'e.example/q:v1'],
    ['deep.sub.example.com/q:v1', 'e.example/q:v1'],
    ['notexample.com/q:v1', 'notexample.com/q:v1'],
    ['a.b.example.com/only/q:v1', 'f.example/q:v1'],
    ['a.b.example.com/other:v1', 'e.example/other:v1'],
    ['busybox:v1', 'g.example/library/busybox:v1'],
    ['h.example:5000/q:v1', 'i.example/q:v1'],
    ['h.example:50001/q:v1', 'h.example:50001/q:v1'],
  ] as const) {
    assert.deepEqual(await places(configuration, image), [wanted], image);
  }
});

test('locationsOf leaves a wildcard without location where it is, and makes mirrors for digests alone', async () => {
  const configuration = `[[registry]]
prefix = "*.example.com"
insecure = true
mirror-by-digest-only = true
[[registry.mirror]]
location = "mirror.example.net/all"`;
  assert.deepEqual(await places(configuration, 'a.example.com/x:v1'), ['a.example.com/x:v1!']);
  assert.deepEqual(await places(configuration, `a.example.com/x@${ZERO}`), [
    `mirror.example.net/all/x@${ZERO}`,
    `a.example.com/x@${ZERO}!`,
  ]);
});

test('locationsOf refuses what is blocked, and locations that are none', async () => {
  const refused = (status: number, pattern: RegExp) => (error: unknown) => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.status, status, error.message);
    assert.match(error.message, pattern);
    return true;
  };
  const blocked = '[[registry]]\nlocation = "example.com/bad"\nblocked = true';
  await assert.rejects(
    places(blocked, 'example.com/bad/x'),
    refused(EXIT.notPermitted, /registries\.conf blocks "example\.com\/bad"/),
  );
  assert.deepEqual(await places(blocked, 'example.com/good:v1'), ['example.com/good:v1']);
  for (const [text, pattern] of [
    ['[[registry]]\nprefix="a.example"\nlocation="nohost"', /names no host/],
    ['[[registry]]\nprefix="a.example"\nlocation="https://b.example"', /not the name of an image/],
    ['[[registry]]\nprefix="a.example"\nlocation="b.example/UPPER"', /not the name of an image/],
    ['[[registry]]\nprefix="a.example"', /without location/],
    ['[[registry]]\ninsecure=true', /without location/],
    ['[[registry]]\nprefix="a.*.example"\nlocation="b.example"', /wanted \* at its beginning/],
    ['[[registry]]\nlocation="a.example"\n[[registry.mirror]]\ninsecure=true', /registry\.0\.mirror\.0\.location/],
    [
      '[[registry]]\nlocation="a.example"\nmirror-by-digest-only=true\n[[registry.mirror]]\nlocation="b.example"\npull-from-mirror="all"',
      /at once/,
    ],
    ['[registries.search]\nregistries = ["docker.io"]', /version 1 of the format/],
    ['[[registry]', /it is not TOML/],
    [`x = ${'['.repeat(100)}${']'.repeat(100)}`, /it is not TOML/],
  ] as const) {
    await assert.rejects(places(text, 'a.example/x:v1'), refused(EXIT.configuration, pattern), text);
  }
});

test('parseRegistriesConf reads anything or refuses it in one line', async () => {
  const words = ['[[registry]]', 'location', 'prefix', '=', '"a.example"', '\n', '[[registry.mirror]]', '*', 'true'];
  const text = fc.array(fc.oneof(fc.constantFrom(...words), fc.string()), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(text, async (parts) => {
      try {
        await parseRegistriesConf(Buffer.from(parts.join(' ')), 'x');
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
        assert.match(error.message, /^cannot read "x": [^\n]+$/);
      }
    }),
  );
});

test('findRegistriesFiles looks where podman does', (t) => {
  const dir = temporaryDirectory(t);
  const [home, config] = [join(dir, 'home'), join(dir, 'config')];
  const write = (path: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
    return path;
  };
  const ofUser = (files: { found: readonly string[] }) => files.found.filter((path) => path.startsWith(dir));
  const ofSystem = (files: { found: readonly string[] }) => files.found.filter((path) => path.startsWith('/etc/'));
  const system = ofSystem(findRegistriesFiles({}));
  assert.deepEqual(ofUser(findRegistriesFiles({ HOME: home })), []);
  const dropped = ['b', 'a'].map((name) => write(join(home, '.config/containers/registries.conf.d', `${name}.conf`)));
  write(join(home, '.config/containers/registries.conf.d', 'c.txt'));
  const withSystem = findRegistriesFiles({ HOME: home });
  assert.deepEqual(ofUser(withSystem), dropped.toReversed());
  assert.deepEqual(ofSystem(withSystem), system);
  const own = write(join(home, '.config/containers/registries.conf'));
  assert.deepEqual(findRegistriesFiles({ HOME: home }).found, [own, ...dropped.toReversed()]);
  assert.deepEqual(ofUser(findRegistriesFiles({ HOME: home, XDG_CONFIG_HOME: config })), []);
  const named = join(dir, 'named.conf');
  const given = findRegistriesFiles({ HOME: home, CONTAINERS_REGISTRIES_CONF: named });
  assert.equal(given.named, named);
  assert.equal(given.found[0], named);
  assert.ok(!given.found.includes(own));
});
