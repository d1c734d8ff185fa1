// SPDX-License-Identifier: Apache-2.0
// Prints the man pages into dist/share/man and the help texts of the executables that are scripts into dist/lib/rkt/help.
// OPTIONS, EXIT STATUS and PRIVILEGES come from the tables in code, so page and program cannot differ.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { description, globalOptions, helpOf, signature, VERSION, type Command, type OptionTable } from '@rkt/command';
import { EXIT, EXIT_MEANINGS } from '@rkt/exit';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

type Described = Pick<Command, 'name' | 'synopsis' | 'summary' | 'options'> & { readonly optionsOf?: string };

function isDescribed(value: unknown): value is Described {
  return typeof value === 'object' && value !== null && 'synopsis' in value && 'summary' in value && 'options' in value;
}

/** The command that a package describes: exported by src/main.ts, or by src/options.ts of a script. */
async function commandOf(folder: string): Promise<Described | undefined> {
  for (const file of ['main.ts', 'options.ts']) {
    const path = join(folder, 'src', file);
    if (!existsSync(path)) continue;
    const exported: Record<string, unknown> = await import(path);
    const found = Object.values(exported).find(isDescribed);
    if (found === undefined) continue;
    const same = found.optionsOf === undefined ? undefined : await commandOf(join(folder, '..', found.optionsOf));
    return { ...found, options: same?.options ?? found.options };
  }
  return undefined;
}

function optionsSection(options: OptionTable): string {
  const list = (table: OptionTable) =>
    Object.entries(table).map(([name, option]) => `* \`${signature(name, option)}\`:\n  ${description(option)}.`);
  return [
    '## OPTIONS',
    '',
    ...list(options),
    '',
    'Options that every command takes:',
    '',
    ...list(globalOptions),
    '',
  ].join('\n');
}

function exitSection(): string {
  const rows = Object.entries(EXIT_MEANINGS).map(
    ([name, text]) => `* \`${Object.entries(EXIT).find(([key]) => key === name)?.[1]}\`:\n  ${text}.`,
  );
  return ['## EXIT STATUS', '', ...rows, '', 'See rkt-exit-status(7).', ''].join('\n');
}

function privilegesSection(folder: string): string {
  const path = join(folder, 'privileges.json');
  if (!existsSync(path)) return '';
  const declared: Record<string, unknown> = JSON.parse(readFileSync(path, 'utf8'));
  const rows = Object.entries(declared).map(([key, value]) => {
    const text = Array.isArray(value) ? (value.length === 0 ? 'none' : value.join(', ')) : String(value);
    return `* ${key}:\n  ${text}`;
  });
  return ['## PRIVILEGES', '', ...rows, ''].join('\n');
}

function render(markdown: string, target: string): void {
  const marked = join(root, 'node_modules', '.bin', 'marked-man');
  const page = execFileSync(process.execPath, [marked, '--version', `rkt ${VERSION}`, '--manual', 'rkt'], {
    input: markdown,
    env: { SOURCE_DATE_EPOCH: '0', PATH: process.env['PATH'] },
  });
  writeFileSync(target, page);
}

/** The pages of a folder, into the section that their names say. */
function renderPages(man: string, fill: (markdown: string) => string): void {
  for (const file of existsSync(man) ? readdirSync(man).filter((entry) => entry.endsWith('.md')) : []) {
    const section = /\.(\d)\.md$/.exec(file)?.[1] ?? '1';
    const directory = join(dist, 'share', 'man', `man${section}`);
    mkdirSync(directory, { recursive: true });
    render(fill(readFileSync(join(man, file), 'utf8')), join(directory, basename(file, '.md')));
  }
}

async function main(): Promise<void> {
  const help = join(dist, 'lib', 'rkt', 'help');
  mkdirSync(help, { recursive: true });
  renderPages(join(root, 'docs', 'man'), (markdown) => markdown.replace('<!-- exit-status -->', exitSection));
  for (const name of readdirSync(join(root, 'packages'))) {
    const folder = join(root, 'packages', name);
    const command = await commandOf(folder);
    if (command !== undefined) {
      writeFileSync(join(help, command.name), helpOf(command));
      writeFileSync(join(help, `${command.name}.version`), `${command.name} ${VERSION}\n`);
    }
    renderPages(join(folder, 'man'), (markdown) =>
      markdown
        .replace('<!-- options -->', () => (command === undefined ? '' : optionsSection(command.options)))
        .replace('<!-- exit-status -->', exitSection)
        .replace('<!-- privileges -->', () => privilegesSection(folder)),
    );
  }
}

await main();
