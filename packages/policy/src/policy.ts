// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { exists } from '@rkt/files';
import { DEFAULT_SETTINGS, parseTrustSettings, SETTINGS_BYTES_MAX, type TrustSettings } from '@rkt/formats';
import { hasPrefix, type ImageName } from './image-name.ts';
import { choosePolicy } from './policy-file.ts';
import { sealRules, type Pinned, type Requirement, type Rules } from './requirement.ts';
import { makeStrictReader, type StrictReader } from './strict.ts';
import { collectTrust, TRUST_DIRECTORIES, type Collected, type TrustDirectories } from './trust-store.ts';

/** What whoever asks has chosen. */
export interface PolicyOptions {
  readonly directories: TrustDirectories;
  /** A containers-policy.json(5) that decides instead of the keys of the trust store. */
  readonly policyFile?: string | undefined;
}

/** What images need before they may be used. */
export interface Policy {
  readonly allowInsecure: boolean;
  /** What is in force for an image of this name. */
  readonly rulesFor: (name: ImageName) => Rules;
}

const SETTINGS = 'trust.json';

interface Settings {
  readonly path: string | undefined;
  readonly settings: TrustSettings;
}

/** Reads `trust.json`: the administrator's, or if there is none the vendor's. */
function readSettings(reader: StrictReader, { system, local }: TrustDirectories): Settings {
  for (const directory of [local, system]) {
    const path = join(directory, SETTINGS);
    const bytes = reader.read(path, SETTINGS_BYTES_MAX);
    if (bytes !== undefined) return { path, settings: parseTrustSettings(bytes, path) };
  }
  return { path: undefined, settings: DEFAULT_SETTINGS };
}

/**
 * Refuses what `"allowInsecure": false` in the settings of this installation forbids: to use images that nobody vouches for,
 * and to be judged by other files than the administrator's. No option of a command can switch that off.
 */
export function requireAllowed(
  wanted: readonly string[],
  {
    reader = makeStrictReader(),
    directories = TRUST_DIRECTORIES,
  }: { reader?: StrictReader; directories?: TrustDirectories } = {},
): void {
  const [first] = wanted;
  // Nothing to read, and nothing to be strict about: most machines.
  if (first === undefined || !hasSettings(directories)) return;
  const { path, settings } = readSettings(reader, directories);
  if (settings.allowInsecure) return;
  throw new Failure(EXIT.notPermitted, `cannot use ${first}: "allowInsecure" is false in "${path ?? ''}"`);
}

/** True if images may be used on this machine that nobody vouches for. */
export function isInsecureAllowed(reader: StrictReader = makeStrictReader()): boolean {
  return !hasSettings(TRUST_DIRECTORIES) || readSettings(reader, TRUST_DIRECTORIES).settings.allowInsecure;
}

function hasSettings({ system, local }: TrustDirectories): boolean {
  return [local, system].some((directory) => exists(directory, SETTINGS));
}

/** Reads the policy; the keys are read when a name is asked about. */
export function readPolicy(
  { directories, policyFile }: PolicyOptions,
  reader: StrictReader = makeStrictReader(),
): Policy {
  const { path, settings } = readSettings(reader, directories);
  const file = policyFile ?? settings.policy;
  return {
    allowInsecure: settings.allowInsecure,
    rulesFor: (name) => {
      const collected = collectTrust(reader, directories, name);
      const from = path ?? join(directories.local, SETTINGS);
      const chosen =
        file === undefined
          ? fromTrustStore(collected, { name, settings, from, local: directories.local })
          : { path: file, ...choosePolicy(reader, file, name) };
      const requirements = [...chosen.requirements, ...attestations(collected, { name, settings, from })];
      return sealRules({
        from: file === undefined ? 'trust store' : 'policy file',
        requirements,
        path: chosen.path,
        scope: chosen.scope,
        masked: collected.masked,
        allowInsecure: settings.allowInsecure,
      });
    },
  };
}

interface About {
  readonly name: ImageName;
  readonly settings: TrustSettings;
  readonly from: string;
}

/** One requirement: any key, identity or pinned digest for the name will do; without any the default decides. */
function fromTrustStore(
  { authorities }: Collected,
  { name, settings, from, local }: About & { readonly local: string },
): Pick<Rules, 'path' | 'scope' | 'requirements'> {
  const pinned: Pinned[] = Object.entries(settings.pinned)
    .filter(([prefix]) => hasPrefix(name, prefix))
    .map(([prefix, digests]) => ({ source: `${from} (pinned ${prefix})`, digests }));
  if (authorities.length > 0 || pinned.length > 0) {
    const scopes = [...new Set(authorities.map(({ scope }) => scope))];
    const requirement: Requirement = {
      kind: 'signed',
      source: join(local, 'trustedkeys'),
      authorities,
      pinned,
      identity: { type: 'prefix' },
    };
    return {
      path: join(local, 'trustedkeys'),
      scope: scopes.toSorted().at(-1) ?? 'pinned',
      requirements: [requirement],
    };
  }
  const source = `${from} (default)`;
  const requirement: Requirement =
    settings.default === 'reject' ? { kind: 'reject', source } : { kind: 'accept', source, byName: false };
  return { path: from, scope: 'default', requirements: [requirement] };
}

/** The attestations without which images of this name are refused, whoever signed them. */
function attestations({ authorities }: Collected, { name, settings, from }: About): Requirement[] {
  return settings.requireAttestation
    .filter(({ prefix }) => hasPrefix(name, prefix))
    .map(({ prefix, predicateType, signer, builderId, buildType, sourceUri }) => ({
      kind: 'attested',
      source: `${from} (requireAttestation ${prefix})`,
      authorities: signer === undefined ? authorities : authorities.filter((authority) => authority.name === signer),
      predicateType,
      builderId,
      buildType,
      sourceUri,
    }));
}
