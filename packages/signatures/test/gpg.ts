// SPDX-License-Identifier: Apache-2.0
// A keyring of gpg in a directory of its own, for keys and signatures as other people make them.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How gpg is to be called: at which time, with which further options, fed with what. */
export interface Call {
  /** Such as `20200101T000000`. */
  readonly at?: string;
  readonly input?: string | Uint8Array;
}

/** A keyring that is gone, agent and all, when it is disposed of. */
export interface Keyring extends Disposable {
  readonly home: string;
  readonly gpg: (args: readonly string[], call?: Call) => Buffer;
  /** Makes a key that signs, by its user ID and algorithm, such as `ed25519` or `rsa2048`, and says its fingerprint. */
  readonly make: (userId: string, algorithm: string, call?: Call & { readonly expire?: string }) => string;
  /** Revokes a key for a reason of gpg: 0 none, 1 compromised, 2 superseded, 3 no longer used. */
  readonly revoke: (userId: string, reason: 0 | 1 | 2 | 3, call?: Call) => void;
  readonly publicKey: (userId: string, ...options: readonly string[]) => Buffer;
  /** A detached signature; `options` before the rest, such as `--armor`. */
  readonly sign: (
    userId: string,
    content: Uint8Array,
    call?: Call & { readonly options?: readonly string[] },
  ) => Buffer;
  /** What gpgv says about a detached signature by the keys in a file made by --export. */
  readonly gpgv: (key: Uint8Array, signature: Uint8Array, content: Uint8Array) => boolean;
}

const base = ['--batch', '--no-tty', '--quiet', '--yes', '--no-permission-warning', '--pinentry-mode', 'loopback'];

/** A new, empty keyring. */
export function makeKeyring(): Keyring {
  // Short: the socket of the agent lies below it.
  const home = mkdtempSync(join(tmpdir(), 'kr-'));
  const environment = { ...process.env, GNUPGHOME: home, LC_ALL: 'C' };
  const gpg = (args: readonly string[], { at, input }: Call = {}): Buffer =>
    execFileSync(
      'gpg',
      [...base, '--passphrase', '', ...(at === undefined ? [] : [`--faked-system-time=${at}!`]), ...args],
      {
        env: environment,
        input: input ?? '',
        stdio: ['pipe', 'pipe', 'pipe'],
        maxBuffer: 64 * 1024 * 1024,
      },
    );
  const fingerprint = (userId: string): string =>
    /^fpr:{9}([0-9A-F]+):/m.exec(gpg(['--with-colons', '--list-keys', `=${userId}`]).toString())?.[1]?.toLowerCase() ??
    '';
  return {
    home,
    gpg,
    make: (userId, algorithm, { expire = 'never', ...call } = {}) => {
      gpg(['--quick-generate-key', userId, algorithm, 'sign', expire], call);
      return fingerprint(userId);
    },
    revoke: (userId, reason, { at } = {}) => {
      const options = ['--no-tty', '--command-fd', '0', '--pinentry-mode', 'loopback', '--passphrase', ''];
      const time = at === undefined ? [] : [`--faked-system-time=${at}!`];
      const certificate = execFileSync('gpg', [...options, ...time, '--gen-revoke', `=${userId}`], {
        env: environment,
        input: `y\n${reason}\n\ny\n`,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      gpg(['--import'], { input: certificate });
    },
    publicKey: (userId, ...options) => gpg([...options, '--export', `=${userId}`]),
    sign: (userId, content, { options = [], ...call } = {}) =>
      gpg(['--local-user', `=${userId}`, ...options, '--detach-sign', '--output', '-'], { ...call, input: content }),
    gpgv: (key, signature, content) => {
      const paths = { key, signature, content };
      for (const [name, bytes] of Object.entries(paths)) writeFileSync(join(home, name), bytes);
      const args = ['--keyring', join(home, 'key'), join(home, 'signature'), join(home, 'content')];
      return spawnSync('gpgv', args, { env: environment, stdio: 'ignore' }).status === 0;
    },
    [Symbol.dispose]: () => {
      spawnSync('gpgconf', ['--kill', 'gpg-agent'], { env: environment, stdio: 'ignore' });
      rmSync(home, { recursive: true, force: true });
    },
  };
}
