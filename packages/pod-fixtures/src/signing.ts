// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printArtifactManifest, SIGNATURE_TYPE } from '@rkt/formats';
import { parseDigest, type Digest } from '@rkt/names';
import { openStore } from '@rkt/store';

/** A keyring of gpg in a directory of its own; gone, agent and all, when it is disposed. */
export class Keyring implements Disposable {
  /** The directory, for programs that sign with gpg. Short: the socket of the agent lies below it. */
  readonly home = mkdtempSync(join(tmpdir(), 'kr-'));

  /** Runs gpg with this keyring. */
  gpg(
    args: readonly string[],
    { at, input = '' }: { readonly at?: string; readonly input?: string | Uint8Array } = {},
  ) {
    const base = ['--batch', '--no-tty', '--quiet', '--yes', '--pinentry-mode', 'loopback', '--passphrase', ''];
    const time = at === undefined ? [] : [`--faked-system-time=${at}!`];
    return execFileSync('gpg', [...base, ...time, ...args], {
      env: { ...process.env, GNUPGHOME: this.home, LC_ALL: 'C.UTF-8' },
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** Makes a key that signs; returns its fingerprint. `at` is such as `20200101T000000`, `expire` such as `2y`. */
  make(userId: string, { at, expire = 'never' }: { readonly at?: string; readonly expire?: string } = {}): string {
    this.gpg(['--quick-generate-key', userId, 'ed25519', 'sign', expire], at === undefined ? {} : { at });
    const listed = this.gpg(['--with-colons', '--list-keys', `=${userId}`]).toString();
    return /^fpr:{9}([0-9A-F]+):/m.exec(listed)?.[1]?.toLowerCase() ?? '';
  }

  /** The public key, armored as files of keys are. */
  publicKey(userId: string): Buffer {
    return this.gpg(['--armor', '--export', `=${userId}`]);
  }

  /** Revokes a key without saying why. */
  revoke(userId: string): void {
    const certificate = execFileSync(
      'gpg',
      [
        '--no-tty',
        '--command-fd',
        '0',
        '--pinentry-mode',
        'loopback',
        '--passphrase',
        '',
        '--gen-revoke',
        `=${userId}`,
      ],
      {
        env: { ...process.env, GNUPGHOME: this.home, LC_ALL: 'C.UTF-8' },
        input: 'y\n0\n\ny\n',
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    this.gpg(['--import'], { input: certificate });
  }

  /** A signature in the format of containers-signature(5). */
  sign(userId: string, about: { readonly digest: Digest; readonly reference: string; readonly at?: string }): Buffer {
    const critical = {
      type: 'atomic container signature',
      image: { 'docker-manifest-digest': about.digest },
      identity: { 'docker-reference': about.reference },
    };
    const input = JSON.stringify({ critical, optional: {} });
    const at = about.at === undefined ? {} : { at: about.at };
    return this.gpg(['--local-user', `=${userId}`, '--sign', '--output', '-'], { input, ...at });
  }

  /** A detached signature, armored, as that of an ACI. */
  signDetached(userId: string, content: Uint8Array, at: string): Buffer {
    return this.gpg(['--local-user', `=${userId}`, '--armor', '--detach-sign', '--output', '-'], {
      input: content,
      at,
    });
  }

  [Symbol.dispose](): void {
    const env = { ...process.env, GNUPGHOME: this.home };
    spawnSync('gpgconf', ['--kill', 'gpg-agent'], { env, stdio: 'ignore' });
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** What is signed: an image or index of a store. */
export interface Signed {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** Puts signatures into a store, as rkt-fetch does: an artifact of ours that refers to what is signed. */
export async function addSignatures(store: string, subject: Signed, signatures: readonly Uint8Array[]): Promise<void> {
  await add(store, subject, { kind: 'simpleSigning', signatures });
}

/** The same for detached signatures of an ACI. */
export async function addAciSignatures(
  store: string,
  subject: Signed,
  signatures: readonly Uint8Array[],
): Promise<void> {
  await add(store, subject, { kind: 'aci', signatures });
}

interface Added {
  readonly kind: 'simpleSigning' | 'aci';
  readonly signatures: readonly Uint8Array[];
}

async function add(store: string, subject: Signed, { kind, signatures }: Added): Promise<void> {
  const layers = signatures.map((bytes) => ({
    mediaType: SIGNATURE_TYPE[`${kind}Layer`],
    digest: parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`),
    size: bytes.byteLength,
  }));
  const manifest = printArtifactManifest({ artifactType: SIGNATURE_TYPE[kind], subject, layers });
  await openStore(store, { create: true }).addArtifact({
    subject: subject.digest,
    manifest: Buffer.from(manifest),
    blobs: signatures,
  });
}
