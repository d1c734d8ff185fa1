// SPDX-License-Identifier: Apache-2.0
// Brings package-lock.json up to date, and completes it: `npm ci` wants an entry for every optional package, also those of other
// platforms, which npm leaves out when it cannot or need not look them up.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  packages: Record<string, Entry | object>;
}

const SYSTEMS = ['darwin', 'freebsd', 'android', 'openharmony', 'win32', 'linux'];
const PROCESSORS = ['arm64', 'x64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x'];

const root = join(import.meta.dirname, '..');
const path = join(root, 'package-lock.json');

/** What an optional package of another platform is, by the platform that its name ends in. */
function entryOf(name: string, version: string, dev: boolean | undefined): object | undefined {
  const os = SYSTEMS.find((system) => name.includes(system));
  const cpu = PROCESSORS.find((processor) => name.includes(`-${processor}`));
  if (os === undefined || cpu === undefined) return undefined;
  return { version, cpu: [cpu], ...(dev ? { dev } : {}), license: 'MIT', optional: true, os: [os] };
}

function isThere(packages: Lock['packages'], from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${name}` in packages) return true;
    if (!folder.includes('/node_modules/')) return `node_modules/${name}` in packages;
  }
}

/** The lock file as npm makes it where nothing is installed: what is installed has no record of what it was checked against. */
function resolve(): Lock {
  const directory = mkdtempSync(join(tmpdir(), 'rkt-lock-'));
  try {
    const folders = readdirSync(join(root, 'packages')).map((folder) => join('packages', folder));
    const manifests = [...folders.map((folder) => join(folder, 'package.json')), 'package.json'];
    for (const folder of folders) mkdirSync(join(directory, folder), { recursive: true });
    for (const file of [...manifests, '.npmrc', 'package-lock.json'])
      if (existsSync(join(root, file))) cpSync(join(root, file), join(directory, file));
    const args = ['install', '--package-lock-only', '--ignore-scripts', '--silent'];
    execFileSync('npm', args, { cwd: directory, stdio: 'inherit' });
    return JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const lock = resolve();
for (const [from, entry] of Object.entries({ ...lock.packages })) {
  const { optionalDependencies = {}, dev }: Entry = entry;
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const made = isThere(lock.packages, from, name) ? undefined : entryOf(name, version, dev);
    if (made !== undefined) lock.packages[`node_modules/${name}`] = made;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
