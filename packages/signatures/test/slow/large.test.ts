// SPDX-License-Identifier: Apache-2.0
// What takes minutes: files that do not fit into memory, and every byte of a bundle with certificate and log.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyBundleSignature } from '../../src/index.ts';
import { makeKeyring } from '../gpg.ts';
import {
  bundleOf,
  bytesOf,
  digestOf,
  entryForV2,
  envelopeOf,
  ISSUER,
  makeInstance,
  SAN,
  statementOf,
} from '../sigstore-fixtures.ts';

const SIZE_BYTES = 2.5 * 1024 ** 3;
const PEAK_KIB_MAX = 160 * 1024;

/** Verifies a file: KEY SIGNATURE FILE. Prints what it found and what it took. */
const program = `
  import { createReadStream, readFileSync } from 'node:fs';
  import { parsePgpKeys, verifyDetached } from '@rkt/signatures';
  const [keyPath, signaturePath, path] = process.argv.slice(1);
  const keys = (await parsePgpKeys(readFileSync(keyPath), 'key')).map((key) => ({ key }));
  const question = { signatures: [readFileSync(signaturePath)], keys, now: new Date() };
  const { verdicts: [verdict], ...sums } = await verifyDetached(createReadStream(path, { highWaterMark: 1024 * 1024 }), question);
  const peakKib = process.resourceUsage().maxRSS;
  process.stdout.write(JSON.stringify({ outcome: verdict.outcome, ...sums, peakKib }));`;

test('verifyDetached() takes less than 160 MiB of memory for 2.5 GiB, whatever the verdict', () => {
  const directory = mkdtempSync(join(tmpdir(), 'large-'));
  try {
    using ring = makeKeyring();
    const path = (name: string) => join(directory, name);
    const fd = openSync(path('content'), 'w');
    writeSync(fd, 'end', SIZE_BYTES - 3);
    closeSync(fd);
    ring.make('Large', 'rsa2048');
    writeFileSync(path('key'), ring.publicKey('Large'));
    ring.gpg(['--local-user', '=Large', '--output', path('good'), '--detach-sign', path('content')]);
    writeFileSync(path('bad'), ring.sign('Large', Buffer.from('something else')));
    for (const outcome of ['good', 'bad']) {
      const options = ['--conditions=source', '--input-type=module', '--eval', program];
      const args = [...options, path('key'), path(outcome), path('content')];
      const found: { outcome?: string; sizeBytes?: number; peakKib?: number } = JSON.parse(
        execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' }),
      );
      assert.equal(found.outcome, outcome);
      assert.equal(found.sizeBytes, SIZE_BYTES);
      assert.ok((found.peakKib ?? Infinity) < PEAK_KIB_MAX, `${String(found.peakKib)} KiB`);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('no change of a bundle with certificate, log and timestamp is an exception or about another image', async () => {
  const instance = await makeInstance();
  const [digest, other] = [digestOf(Buffer.from('manifest')), digestOf(Buffer.from('another'))];
  const signing = await instance.certify();
  const made = envelopeOf(statementOf(digest), signing);
  const tlogEntries = [await instance.logV2(entryForV2(made, signing))];
  const timestampVerificationData = await instance.stamp(made.signature);
  const bundle = bytesOf(bundleOf(made, signing, { tlogEntries, timestampVerificationData }));
  const trust = {
    kind: 'identities',
    identities: [{ issuer: ISSUER, san: SAN }],
    root: await instance.root(),
  } as const;
  const now = new Date();
  assert.equal((await verifyBundleSignature(bundle, { digest, trust, now })).outcome, 'good');
  for (let at = 0; at < bundle.length; at += 1) {
    const changed = Buffer.from(bundle);
    changed.writeUInt8((bundle[at] ?? 0) ^ (1 << (at % 7)), at);
    const verdict = await verifyBundleSignature(changed, { digest, trust, now });
    if (verdict.outcome === 'good') assert.equal(verdict.claims.digest, digest);
    else assert.match(verdict.reason, /^[\x20-\x7e]+$/);
    assert.equal((await verifyBundleSignature(changed, { digest: other, trust, now })).outcome, 'bad');
  }
});
