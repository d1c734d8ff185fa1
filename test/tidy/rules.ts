// SPDX-License-Identifier: Apache-2.0
// The tables behind the tidy tests: tiers, banned words with what to use instead, and files that are longer than the rule.

/** A package may depend on packages of lower tiers only. Executables are of tier 5 without being listed. */
export const tiers: Readonly<Record<string, number>> = {
  exit: 0,
  'seccomp-tools': 0,
  names: 1,
  files: 1,
  command: 1,
  formats: 2,
  plan: 2,
  human: 2,
  appc: 3,
  store: 3,
  layers: 3,
  registry: 3,
  pods: 3,
  cgroups: 3,
  confinement: 3,
  signatures: 3,
  rootless: 3,
  isolators: 3,
  'flavor-ns': 4,
  policy: 4,
  inspect: 4,
  collect: 4,
  nobody: 4,
  'pod-fixtures': 4,
  rkt: 6,
};

/** A word that code does not contain, unless its file is excepted. */
export interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly where: RegExp;
  /** Paths where it may stand, each with the reason. */
  readonly except: Readonly<Record<string, string>>;
}

const code = /^packages\/[^/]+\/(src|bin|libexec)\/.*\.ts$/;
const everything = /./;
const independent = 'depends on none of our packages: a tool for anyone';
const fixtures = 'a library for tests';

export const bans: readonly Ban[] = [
  {
    pattern: /\bJSON\.parse\(/,
    instead: 'a parser of @rkt/formats',
    where: code,
    except: { 'packages/formats/': 'the one place', 'packages/seccomp-tools/': independent },
  },
  {
    pattern: /\b(writeFileSync|renameSync)\(/,
    instead: 'the durable writes of @rkt/files',
    where: code,
    except: {
      'packages/files/': 'the one place',
      'packages/cgroups/': 'writes into files of the kernel, which have no other place to be renamed from',
      'packages/seccomp-tools/': independent,
      'packages/pod-fixtures/': fixtures,
    },
  },
  {
    pattern: /\bprocess\.exit\(/,
    instead: 'process.exitCode and a return',
    where: code,
    except: { 'packages/command/src/run.ts': 'the one place, when the command is done' },
  },
  {
    pattern: /(?<![.\w])process\.env\b/,
    instead: 'the environment of the command context',
    where: code,
    except: { 'packages/command/': 'the one place', 'packages/pod-fixtures/': fixtures },
  },
  {
    // The brackets keep this line from naming itself.
    pattern: /\b(T[O]DO|F[I]XME|X[X]X)\b/,
    instead: 'doing it, or an issue',
    where: everything,
    except: {},
  },
  {
    pattern: /(?<![\w$}.])\/wor[k]\/(main|shared)|\b(registry\.npm[j]s|(deb|security)\.debia[n])\b/,
    instead: 'a path relative to the repository, or what the machine is configured with',
    where: everything,
    except: {},
  },
];

/** Names that say nothing; a file or package is called after the thing it owns. */
export const emptyNames = /^(utils?|helpers?|common|shared|misc)(\.|$)/;

/** The most lines that a file may have. */
export function limitOf(path: string): number | undefined {
  if (!/\.(ts|c|h)$/.test(path) || path.includes('/generated/')) return undefined;
  if (/\/test\/|^test\//.test(path)) return 500;
  return /\.[ch]$/.test(path) ? 400 : 300;
}

/** Files over the limit: their size, which may shrink and not grow, and why they are one file. */
export const longFiles: Readonly<Record<string, readonly [lines: number, reason: string]>> = {
  'packages/plan/src/operations.ts': [600, 'one table, a row per operation'],
};
