// SPDX-License-Identifier: Apache-2.0
// Keys and certificates for the servers of a test, made anew each time.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files in PEM form. */
export interface Identity {
  readonly key: string;
  readonly certificate: string;
}

/** Makes a certificate authority of its own in the directory. */
export function makeAuthority(directory: string): Identity {
  const identity = { key: join(directory, 'ca.key'), certificate: join(directory, 'ca.crt') };
  const subject = ['-subj', '/CN=rkt test authority', '-days', '2'];
  openssl(['req', '-x509', ...newKey(identity.key), '-out', identity.certificate, ...subject]);
  return identity;
}

/** Makes a server's certificate for 127.0.0.1, localhost and further names, signed by the authority. */
export function makeServer(directory: string, authority: Identity, names: readonly string[] = []): Identity {
  const identity = { key: join(directory, 'server.key'), certificate: join(directory, 'server.crt') };
  const request = join(directory, 'server.csr');
  const extensions = join(directory, 'server.ext');
  const subjects = ['IP:127.0.0.1', 'DNS:localhost', ...names.map((name) => `DNS:${name}`)];
  writeFileSync(extensions, `subjectAltName=${subjects.join(',')}\n`);
  openssl(['req', ...newKey(identity.key), '-out', request, '-subj', '/CN=127.0.0.1']);
  const signer = ['-CA', authority.certificate, '-CAkey', authority.key, '-CAcreateserial', '-days', '2'];
  openssl(['x509', '-req', '-in', request, ...signer, '-extfile', extensions, '-out', identity.certificate]);
  return identity;
}

function newKey(path: string): string[] {
  return ['-newkey', 'rsa:2048', '-nodes', '-keyout', path];
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
