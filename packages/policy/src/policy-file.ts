// SPDX-License-Identifier: Apache-2.0
import {
  parseContainersPolicy,
  SETTINGS_BYTES_MAX,
  type ContainersPolicy,
  type ContainersRequirement,
} from '@rkt/formats';
import { type ImageName } from './image-name.ts';
import { type Authority, type Requirement, type RootFile } from './requirement.ts';
import { KEY_BYTES_MAX } from './trust-store.ts';
import { unsafe, type StrictReader } from './strict.ts';
import { rootOf } from './rekor.ts';

/** The part of a policy file that decides about an image. */
export interface Chosen {
  readonly scope: string;
  readonly requirements: readonly Requirement[];
}

const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?`;
const SCOPE = new RegExp(
  String.raw`^(?:|\*\.[A-Za-z0-9.-]+|${HOST}(?:/[a-z0-9._-]+)*(?::[A-Za-z0-9_][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64})?)$`,
);

/** Reads containers-policy.json(5), and says what it wants of an image: the most specific scope alone counts. */
export function choosePolicy(reader: StrictReader, path: string, name: ImageName): Chosen {
  const bytes = reader.read(path, SETTINGS_BYTES_MAX);
  if (bytes === undefined) throw unsafe(path, 'there is no such file', 'a containers-policy.json(5)');
  const policy = parseContainersPolicy(bytes, path);
  checkScopes(policy, path);
  const { transport, scopes, byName } = scopesFor(policy, name);
  const scope = scopes.find((candidate) => Object.hasOwn(policy.transports[transport] ?? {}, candidate));
  const list = scope === undefined ? policy.default : (policy.transports[transport]?.[scope] ?? []);
  const what = scope === undefined ? 'default' : `${transport}:${scope}`;
  const context: Context = { reader, path, scope: what, byName: byName && scope !== undefined && scope !== '' };
  const narrower = Object.keys(policy.transports[transport] ?? {}).some((other) => other !== '');
  if (transport !== 'docker' && narrower) {
    return { scope: what, requirements: [unsupported(context, `scopes of transport "${transport}"`)] };
  }
  return { scope: what, requirements: list.map((requirement) => requirementOf(requirement, context)) };
}

interface Context {
  readonly reader: StrictReader;
  readonly path: string;
  readonly scope: string;
  readonly byName: boolean;
}

/** A scope that cannot match anything is a slip that would let something else decide. */
function checkScopes({ transports }: ContainersPolicy, path: string): void {
  const wrong = Object.keys(transports['docker'] ?? {}).find((scope) => !SCOPE.test(scope));
  if (wrong === undefined) return;
  throw unsafe(path, `it has the scope "${wrong}"`, 'HOST[/PATH][:TAG|@DIGEST], *.DOMAIN or nothing');
}

/** The scopes that can decide about an image, the most specific first. */
function scopesFor(
  policy: ContainersPolicy,
  { transport, path, tag, digest }: ImageName,
): { readonly transport: string; readonly scopes: readonly string[]; readonly byName: boolean } {
  if (transport !== 'docker') return { transport, scopes: [''], byName: false };
  const parts = path.split('/');
  const full = [digest === undefined ? [] : [`${path}@${digest}`], tag === undefined ? [] : [`${path}:${tag}`]].flat();
  const parents = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
  const labels = (parts[0] ?? '').replace(/:\d+$/, '').split('.');
  const wildcards = labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
  // Hosts in the file may be written in upper case.
  const known = Object.keys(policy.transports['docker'] ?? {});
  const scopes = [...full, ...parents, ...wildcards].map(
    (scope) => known.find((other) => sameHost(other, scope)) ?? scope,
  );
  return { transport, scopes: [...scopes, ''], byName: true };
}

function sameHost(one: string, other: string): boolean {
  const [host = '', ...rest] = one.split('/');
  const lower = rest.length === 0 && /[:@]/.test(host) ? host : host.toLowerCase();
  return [lower, ...rest].join('/') === other;
}

function requirementOf(requirement: ContainersRequirement, context: Context): Requirement {
  const source = `${context.path} (${context.scope})`;
  switch (requirement.type) {
    case 'reject':
      return { kind: 'reject', source };
    case 'insecureAcceptAnything':
      return { kind: 'accept', source, byName: context.byName };
    case 'signedBy': {
      const { keyPath, keyPaths, keyData } = requirement;
      const files = filesOf(context, { paths: [keyPath ?? [], keyPaths ?? []].flat(), data: [keyData ?? []].flat() });
      const authorities = files.map((file): Authority => ({ kind: 'pgp', fingerprint: undefined, ...file }));
      return signed(source, authorities, requirement.signedIdentity);
    }
    case 'sigstoreSigned':
      return sigstoreRequirement(requirement, context, source);
  }
}

function signed(
  source: string,
  authorities: readonly Authority[],
  identity: (ContainersRequirement & { readonly type: 'signedBy' })['signedIdentity'],
): Requirement {
  const rule = identity ?? { type: 'matchRepoDigestOrExact' as const };
  return { kind: 'signed', source, authorities, pinned: [], identity: rule };
}

function sigstoreRequirement(
  requirement: ContainersRequirement & { readonly type: 'sigstoreSigned' },
  context: Context,
  source: string,
): Requirement {
  const { keyPath, keyPaths, keyData, keyDatas, fulcio, pki, signedIdentity } = requirement;
  if (pki !== undefined) return unsupported(context, 'certificates of "pki"');
  const logs = filesOf(context, {
    paths: [requirement.rekorPublicKeyPath ?? [], requirement.rekorPublicKeyPaths ?? []].flat(),
    data: [requirement.rekorPublicKeyData ?? [], requirement.rekorPublicKeyDatas ?? []].flat(),
  });
  if (fulcio !== undefined) {
    const { caPath, caData } = fulcio;
    const authorities = filesOf(context, { paths: [caPath ?? []].flat(), data: [caData ?? []].flat() });
    const root = rootOf({
      source,
      authorities: authorities.map((file) => file.bytes),
      logs: logs.map((file) => file.bytes),
    });
    return signed(
      source,
      [{ kind: 'identity', source, issuer: fulcio.oidcIssuer, san: fulcio.subjectEmail, root }],
      signedIdentity,
    );
  }
  const log: RootFile | undefined =
    logs.length === 0 ? undefined : rootOf({ source, authorities: [], logs: logs.map((file) => file.bytes) });
  const keys = filesOf(context, {
    paths: [keyPath ?? [], keyPaths ?? []].flat(),
    data: [keyData ?? [], keyDatas ?? []].flat(),
  });
  const authorities = keys.map((file): Authority => ({ kind: 'key', fingerprint: undefined, log, ...file }));
  return signed(source, authorities, signedIdentity);
}

function unsupported({ path, scope }: Context, what: string): Requirement {
  return { kind: 'unsupported', source: `${path} (${scope})`, why: `rkt does not verify ${what}` };
}

/** The files that a requirement names, and the ones that it holds. */
function filesOf(
  { reader, path, scope }: Context,
  { paths, data }: { readonly paths: readonly string[]; readonly data: readonly string[] },
): { readonly source: string; readonly bytes: Buffer }[] {
  const read = paths.map((file) => {
    if (!file.startsWith('/')) throw unsafe(path, `it names "${file}"`, 'absolute paths');
    const bytes = reader.read(file, KEY_BYTES_MAX);
    if (bytes === undefined) throw unsafe(path, `it names "${file}", which is not there`, 'the file of a key');
    return { source: file, bytes };
  });
  return [...read, ...data.map((text) => ({ source: `${path} (${scope})`, bytes: Buffer.from(text, 'base64') }))];
}
