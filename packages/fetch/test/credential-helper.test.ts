// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { EXIT, Failure } from '@rkt/exit';
import { askCredentialHelper, refuseCredentialHelper } from '../src/credential-helper.ts';
import { temporaryDirectory } from './fixture.ts';

/** Asks a helper that is the given shell script, as an ordinary user or as root. */
function askScript(t: TestContext, script: string, uid = 1000) {
  const dir = temporaryDirectory(t);
  const program = join(dir, 'docker-credential-test');
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  const notes: string[] = [];
  const { geteuid } = process;
  process.geteuid = () => uid;
  t.after(() => (geteuid === undefined ? delete process.geteuid : (process.geteuid = geteuid)));
  const environment = { PATH: `${dir}:${process.env['PATH']}` };
  const ask = askCredentialHelper({ environment, note: (message) => void notes.push(message) });
  return { ask, notes };
}

test('a helper gets the verb as argument and the server on its input', async (t) => {
  const { ask } = askScript(t, 'read server; echo "$1 $server"');
  assert.equal(String(await ask('test', 'h.example')), 'get h.example\n');
});

test('a helper that knows nothing is no failure, one that fails is', async (t) => {
  const knowsNothing = askScript(t, 'echo "credentials not found in native keychain"; exit 1');
  assert.equal(await knowsNothing.ask('test', 'h.example'), undefined);
  const fails = askScript(t, 'echo secret; echo secret >&2; exit 3');
  await assert.rejects(fails.ask('test', 'h.example'), (error) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.status, EXIT.unavailable);
    assert.equal(error.message, 'cannot get credentials from "docker-credential-test": it ended with status 3');
    return true;
  });
});

test('a helper that is missing or says too much is refused', async (t) => {
  const { ask } = askScript(t, 'head -c 2000000 /dev/zero');
  await assert.rejects(
    ask('other', 'h.example'),
    /cannot run credential helper "docker-credential-other": no such program on PATH/,
  );
  await assert.rejects(ask('test', 'h.example'), /says too much/);
});

test('refuseCredentialHelper() says what is wanted instead', async () => {
  const notes: string[] = [];
  assert.equal(
    await refuseCredentialHelper({ note: (message) => void notes.push(message) })('test', 'h.example'),
    undefined,
  );
  assert.match(
    notes.join(),
    /^not running docker-credential-test: wanted .*, or a file with the credentials themselves$/,
  );
});

test('root runs no helper', async (t) => {
  const { ask, notes } = askScript(t, 'echo run', 0);
  assert.equal(await ask('test', 'h.example'), undefined);
  assert.match(notes.join(), /^not running docker-credential-test as root/);
});
