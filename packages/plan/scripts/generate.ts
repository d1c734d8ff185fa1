// SPDX-License-Identifier: Apache-2.0
// Writes what is made from the table of operations: the C tables of stage1 and two sections of rkt-plan(5).
// With --check it writes nothing and fails if something is stale.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasCode } from '@rkt/exit';
import { printHeader, printTables } from './c-tables.ts';
import { fillPage } from './page.ts';

const packages = join(import.meta.dirname, '../..');
const generated = join(packages, 'stage1/src/generated');
const page = join(packages, 'plan/man/rkt-plan.5.md');

const wanted: Readonly<Record<string, string>> = {
  [join(generated, 'operations.h')]: printHeader(),
  [join(generated, 'operations.c')]: printTables(),
  [page]: fillPage(readFileSync(page, 'utf8')),
};
const check = process.argv.includes('--check');
for (const [path, text] of Object.entries(wanted)) {
  if (textOf(path) === text) continue;
  if (check) {
    process.stderr.write(`generate: "${path}" is stale: run packages/plan/scripts/generate.ts\n`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
