// SPDX-License-Identifier: Apache-2.0
// What is attached to an image, from the registry to the terminal and to the policy; and who parses it when root asks.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import {
  buildkitIndex,
  buildkitManifest,
  bundleArtifact,
  bundleOf,
  describe as describeBytes,
  makeKey,
  pushArtifact,
  referrer,
  referrersIndex,
  statementOf,
  tagOf,
  type Described,
} from '../attach.ts';
import { startRegistry } from '../registry.ts';
import { bin, images, makeRkt, skipPods, type Result } from './rkt.ts';

const NOBODY = 65534;
const [V1, V0_2, SPDX] = [
  'https://slsa.dev/provenance/v1',
  'https://slsa.dev/provenance/v0.2',
  'https://spdx.dev/Document',
];
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const key = makeKey();

function temporary(t: TestContext, prefix: string): string {
  const path = mkdtempSync(prefix);
  chmodSync(path, 0o755);
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** An image as BuildKit pushes it, and an ordinary user. */
async function makeScene(t: TestContext) {
  const registry = await startRegistry();
  t.after(() => registry.stop());
  const image = await registry.push(`oci:${join(images, 'busybox')}:latest`, 'attested:v1');
  const place = image.slice('docker://'.length).replace(/:v1$/, '');
  const raw = execFileSync('skopeo', ['inspect', '--tls-verify=false', '--raw', image]);
  const manifest = describeBytes(raw, 'application/vnd.oci.image.manifest.v1+json');
  const attestation = buildkitManifest(
    new Map([
      [SPDX, statementOf(manifest, SPDX, { packages: [{ name: 'busybox', versionInfo: '1' }] })],
      [V0_2, statementOf(manifest, V0_2, { builder: { id: 'https://builder.example.com' } })],
    ]),
  );
  await pushArtifact(place, attestation);
  const bytes = buildkitIndex(manifest, attestation);
  await pushArtifact(place, { manifest: bytes, blobs: [] }, 'v1');
  const home = temporary(t, join(tmpdir(), 'rkt-home-'));
  chownSync(home, NOBODY, NOBODY);
  const user = (program: string, ...words: readonly string[]): Result => {
    const as = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all'];
    const env = { PATH: process.env['PATH'], HOME: home };
    return spawnSync('setpriv', [...as, join(bin, program), ...words], { env, encoding: 'utf8' });
  };
  return {
    image,
    index: describeBytes(bytes, 'application/vnd.oci.image.index.v1+json'),
    manifest,
    home,
    fetch: (...words: readonly string[]) => {
      const options = ['--quiet', '--insecure-options=http', '--platform=linux/amd64'];
      const { status, stderr } = user('rkt-fetch', ...options, ...words, image);
      assert.equal(status, 0, stderr);
    },
    ask: (command: string, ...words: readonly string[]) => user('rkt-image', command, ...words, image),
    /** Signs statements about something in the registry. */
    attach: async (subject: Described, ...statements: readonly Buffer[]) => {
      const artifacts = statements.map((payload) =>
        referrer(subject, { type: BUNDLE, content: bundleOf(payload, key.privateKey) }),
      );
      const all = [...artifacts, bundleArtifact(subject, key.privateKey)];
      for (const artifact of all) await pushArtifact(place, artifact);
      await pushArtifact(place, { manifest: referrersIndex(all), blobs: [] }, tagOf(subject.digest));
    },
  };
}

describe('attestations from the registry to the policy', { skip: skipPods }, () => {
  test('a user sees what BuildKit attached, and that nobody signed it', async (t) => {
    const { fetch, ask, manifest } = await makeScene(t);
    fetch();
    const listed = ask('attestations', '--full');
    assert.deepEqual([listed.status, listed.stderr], [0, '']);
    assert.match(
      listed.stdout,
      new RegExp(`^${V0_2}\\t+${manifest.digest}\\t+\\d+\\t+sha256:\\w+\\t+not verified: nobody has signed it\\n$`),
    );
    const provenance = ask('provenance');
    assert.match(provenance.stdout, /^builder\t+https:\/\/builder\.example\.com$/m);
    assert.match(provenance.stderr, /proves nothing/);
    const none = ask('sbom');
    assert.deepEqual([none.status, none.stdout], [66, '']);
    assert.match(none.stderr, /the store has no list of them: try rkt fetch --sbom\n$/);
    fetch('--sbom');
    assert.equal(ask('sbom', '--packages').stdout, 'busybox\t1\n');
    assert.deepEqual(JSON.parse(ask('sbom').stdout), { packages: [{ name: 'busybox', versionInfo: '1' }] });
  });

  test('a pod is prepared only of an image with the provenance that the administrator wants, word for word', async (t) => {
    const scene = await makeScene(t);
    const { image, home, index, fetch } = scene;
    const rkt = makeRkt(t);
    const local = join(temporary(t, '/run/rkt-e2e-attestations-'), 'etc');
    const write = (path: string, content: string) => {
      mkdirSync(dirname(join(local, path)), { recursive: true, mode: 0o755 });
      writeFileSync(join(local, path), content, { mode: 0o644 });
    };
    const [builderId, buildType, sourceUri] = ['https://runner', 'https://type/v1', 'https://git/team/web'];
    const wanted = { prefix: '*', predicateType: V1, signer: key.fileName, builderId, buildType, sourceUri };
    const settle = (change: object = {}) =>
      write(
        'trust.json',
        JSON.stringify({ rktKind: 'trust', rktVersion: 'v1', requireAttestation: [{ ...wanted, ...change }] }),
      );
    write(`trustedkeys/root.d/${key.fileName}`, key.pem);
    settle();
    const options = [`--local-config=${local}`, '--system-config=/none', `--store=${home}/.local/share/rkt/store`];
    const prepare = () => rkt.run('prepare', '--quiet', ...options, image, '--', 'echo', 'hello');
    const refused = () => {
      const { status, stderr } = prepare();
      assert.equal(status, 77, stderr);
      assert.match(stderr, /wants an attestation of type "https:\/\/slsa\.dev\/provenance\/v1", and none/);
    };
    const predicate = {
      buildDefinition: { buildType, externalParameters: { workflow: { repository: sourceUri } } },
      runDetails: { builder: { id: builderId } },
    };
    await scene.attach(
      index,
      statementOf(index, V1, { ...predicate, runDetails: { builder: { id: 'https://other' } } }),
    );
    fetch();
    refused();
    await scene.attach(index, statementOf(index, V1, predicate));
    fetch();
    for (const change of [
      { builderId: 'https://run' },
      { buildType: 'https://type/v2' },
      { sourceUri: 'https://git/team' },
      { signer: 'nobody.pub' },
    ]) {
      settle(change);
      refused();
    }
    settle();
    const { status, stdout, stderr } = prepare();
    assert.equal(status, 0, stderr);
    assert.deepEqual(rkt.run('run-prepared', stdout.trim()).stdout, 'hello\n');
    assert.match(scene.ask('provenance').stderr, /proves nothing/);
    const verified = scene.ask('provenance', `--local-config=${local}`);
    assert.match(verified.stdout, /^signed by\t+verified: key /);
    assert.match(verified.stdout, /^source\t+https:\/\/git\/team\/web$/m);
  });

  test('whoever parses what is attached is nobody when root asks: no rights, no network, nothing to write', async (t) => {
    const place = temporary(t, join(tmpdir(), 'rkt-nobody-'));
    cpSync(join(bin, '..'), join(place, 'dist'), { recursive: true, dereference: true });
    const open = join(place, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const address: AddressInfo | string | null = server.address();
    const port = typeof address === 'object' ? Number(address?.port) : 0;
    const probe = `
      const fs = require('node:fs');
      const attempt = (name, act) => { try { act(); return name + '=0'; } catch (error) { return name + '=' + error.code; } };
      const status = fs.readFileSync('/proc/self/status', 'utf8');
      const fields = [...status.matchAll(/^(Uid|Gid|Groups|CapEff|CapBnd|NoNewPrivs):[ \\t]*(.*)$/gm)].map(([, name, value]) => name + '=' + value.trim().split(/\\s+/).join(','));
      const done = [...fields,
        attempt('shadow', () => fs.readFileSync('/etc/shadow')),
        attempt('write', () => { const fd = fs.openSync('${open}/x', 'w'); fs.writeSync(fd, 'x'); }),
      ];
      require('node:net').connect(${port}, '127.0.0.1').on('connect', () => end('0')).on('error', ({ code }) => end(code));
      function end(code) { process.stderr.write([...done, 'connect=' + code].join(' ') + '\\n'); process.exit(65); }
    `;
    const code = join(place, 'dist', 'lib', 'rkt', 'read-attestations.js');
    writeFileSync(code, `//\n${probe}`);
    rmSync(`${code}.code`);
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const { status, stderr } = spawnSync(
      join(place, 'dist', 'bin', 'rkt-image'),
      ['attestations', `--dir=${rkt.dir}`, image],
      { encoding: 'utf8' },
    );
    assert.equal(status, 65, stderr);
    const nobody = `${NOBODY},${NOBODY},${NOBODY},${NOBODY}`;
    const none = '0000000000000000';
    assert.equal(
      stderr,
      `rkt-image: cannot read attestations: Uid=${nobody} Gid=${nobody} Groups= CapEff=${none} CapBnd=${none} NoNewPrivs=1 shadow=EACCES write=EFBIG connect=EPERM\n`,
    );
  });
});
