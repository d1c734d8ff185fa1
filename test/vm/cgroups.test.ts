// SPDX-License-Identifier: Apache-2.0
// The test of cgroups against the kernel, on machines with cgroups of one version only.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { runInVm, vmIsMissing } from './vm.ts';

const skip = vmIsMissing();

for (const version of ['v2', 'v1']) {
  test(`the cgroups of a pod hold on a machine with cgroup ${version} only`, { skip }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rkt-vm-'));
    try {
      const bundle = join(directory, 'test.cjs');
      await bundleTest(bundle);
      const { status, stdout, stderr } = runInVm(
        ['--cgroups', version, '--program', `${process.execPath}:/bin/node`, '--file', `${bundle}:/test.cjs`],
        ['node', '--test-reporter=tap', '/test.cjs'],
      );
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /^# fail 0$/m);
      assert.match(stdout, version === 'v1' ? /^# skipped 0$/m : /^# skipped 1$/m);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

/** The test as one file without imports. */
async function bundleTest(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, '..', '..', 'packages', 'cgroups', 'test', 'kernel.test.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    conditions: ['source'],
    logLevel: 'warning',
  });
}
