// SPDX-License-Identifier: Apache-2.0
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { realpathSync } from 'node:fs';
import type { Context, Given } from '@rkt/command';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { readRegular } from '@rkt/files';
import { parseSigstoreIdentity, SETTINGS_BYTES_MAX } from '@rkt/formats';
import { printable } from '@rkt/names';
import { KEY_BYTES_MAX, kindOfName, makeStrictReader } from '@rkt/policy';
import type { options } from './options.ts';
import type { DescribedKey, DescribedSource, KeySource } from './protocol.ts';
import { discoverKeys, readKeys } from './read-keys.ts';
import { askYesNo, requireTerminal, reviewLines } from './review.ts';
import { prefixOf, type Scope } from './scope.ts';
import { writeTrustFile } from './write.ts';

/** What the command line says. */
export interface Adding {
  readonly given: Given<typeof options>;
  readonly scope: Scope;
  readonly operands: readonly string[];
  readonly context: Context;
}

/** Something to be trusted, and how it is shown. */
interface Candidate {
  readonly location: string;
  readonly name: string;
  readonly content: string;
  readonly lines: readonly string[];
  readonly isReviewed: boolean;
}

/** Shows each key, asks, and puts it into the trust store. Ends with 1 if one was declined. */
export async function addKeys(adding: Adding): Promise<number> {
  const { given, scope, context } = adding;
  const candidates = await candidatesOf(adding);
  let declined = false;
  for (const candidate of candidates) {
    if (!review(candidate, scope)) {
      context.note(`not trusting "${printable(candidate.location)}"`);
      declined = true;
      continue;
    }
    const prefix = prefixOf(scope);
    const { name, content } = candidate;
    const path = writeTrustFile({ local: resolve(given['local-config']), prefix, name, content });
    context.print(
      prefix === undefined ? `Added root key at "${path}"` : `Added key for prefix "${prefix}" at "${path}"`,
    );
  }
  return declined ? EXIT.no : EXIT.ok;
}

/** Everything that was given is read and refused before anything is asked or written. */
async function candidatesOf({ given, scope, operands, context }: Adding): Promise<Candidate[]> {
  const skip = given['skip-fingerprint-review'];
  const discovered = operands.length === 0;
  const identities = operands.filter((location) => kindOfName(basename(location)) === 'identity');
  const allowHttp = given['insecure-allow-http'];
  const sources = operands
    .filter((location) => !identities.includes(location))
    .map((location) => sourceOf(location, allowHttp));
  const described = await (discovered ? discover(scope, allowHttp, context) : readKeys(sources, context.environment));
  const refusal = described.find((source) => source.refusal !== undefined)?.refusal;
  if (refusal !== undefined) throw new Failure(refusal.status, printable(refusal.message));
  const keys = described.flatMap(({ location, keys: list }) =>
    list.map((key): Candidate => {
      refuseUseless(location, key);
      // Where http is allowed, the page that named the key may have come by it.
      const trusted = discovered && given['trust-keys-from-https'] && !allowHttp && location.startsWith('https:');
      return { location, name: key.name, content: key.content, lines: reviewLines(key), isReviewed: skip || trusted };
    }),
  );
  return [...keys, ...identities.map((location) => identityOf(location, skip))];
}

/** The keys that the web pages of the prefix name. */
async function discover(scope: Scope, allowHttp: boolean, { environment }: Context): Promise<DescribedSource[]> {
  const prefix = prefixOf(scope);
  if (prefix === undefined) throw new Failure(EXIT.usage, 'cannot discover keys for every name: wanted PUBKEY');
  return discoverKeys(prefix, allowHttp, environment);
}

/** A path or URL as the process wants it that reads keys. */
function sourceOf(location: string, allowHttp: boolean): KeySource {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(location)?.[1]?.toLowerCase();
  if (scheme === undefined || scheme === 'file') {
    const path = scheme === undefined ? resolve(location) : fileURLToPath(location);
    return { location, base64: readKeyFile(path).toString('base64') };
  }
  if (scheme === 'https' || (scheme === 'http' && allowHttp)) return { location, url: location, allowHttp };
  const wanted = scheme === 'http' ? 'https, or --insecure-allow-http' : 'a path or an https URL';
  throw new Failure(EXIT.usage, `cannot get key "${printable(location)}": wanted ${wanted}`);
}

function readKeyFile(path: string): Buffer {
  try {
    const bytes = readRegular(realpathSync(path), KEY_BYTES_MAX);
    if (bytes !== undefined) return bytes;
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
  throw new Failure(EXIT.notFound, `cannot read key "${printable(path)}": no such file`);
}

/** A key that can vouch for nothing would only look like trust. */
function refuseUseless(location: string, { fingerprint, revoked, expires, problem }: DescribedKey): void {
  const why = revoked
    ? 'it is revoked'
    : expires !== undefined && Date.parse(expires) <= Date.now()
      ? `it expired ${expires}`
      : problem;
  if (why === undefined) return;
  throw new Failure(
    EXIT.dataRefused,
    `cannot trust key "${fingerprint}" of "${printable(location)}": ${printable(why)}: wanted one that can sign`,
  );
}

/** Who is named by certificates: a file of the administrator, which has its place and its name already. */
function identityOf(location: string, isReviewed: boolean): Candidate {
  const path = resolve(location);
  const bytes = readKeyFile(path);
  const { issuer, san, trustedRoot } = parseSigstoreIdentity(bytes, path);
  if (makeStrictReader().read(trustedRoot, SETTINGS_BYTES_MAX) === undefined) {
    throw new Failure(EXIT.notFound, `cannot use "${printable(path)}": its trusted root "${trustedRoot}" is not there`);
  }
  const lines = [
    `identity: ${printable(san)}`,
    `\tissuer ${printable(issuer)}`,
    `\ttrusted root ${printable(trustedRoot)}`,
  ];
  return { location, name: basename(path), content: bytes.toString('latin1'), lines, isReviewed };
}

/** Shows a key and asks, unless the user has answered beforehand. */
function review({ location, lines, isReviewed }: Candidate, scope: Scope): boolean {
  const prefix = prefixOf(scope);
  if (!isReviewed) requireTerminal(location);
  const head = [`prefix: "${prefix ?? ''}"`, `key: "${printable(location)}"`];
  process.stderr.write(`${[...head, ...lines].join('\n')}\n`);
  if (!isReviewed && !askYesNo('Are you sure you want to trust this key')) return false;
  const what = prefix === undefined ? 'every image' : `prefix "${prefix}"`;
  const how = isReviewed ? 'without fingerprint review' : 'after fingerprint review';
  process.stderr.write(`Trusting "${printable(location)}" for ${what} ${how}.\n`);
  return true;
}
