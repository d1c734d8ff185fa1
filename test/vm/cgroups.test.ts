// SPDX-License-Identifier: Apache-2.0
// The test of cgroups against the kernel, on machines with cgroups of one version only.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { runInVm, vmIsMissing } from './vm.ts';

const packages = join(import.meta.dirname, '..', '..', 'packages');
const STAGE1 = join(packages, 'stage1', 'build', 'stage1');
/** Where the bundle lies in the machine, so that it finds stage1 where a checkout has it. */
const TEST = '/packages/cgroups/test/test.cjs';
const skip = vmIsMissing();

for (const version of ['v2', 'v1']) {
  test(`the cgroups of a pod hold on a machine with cgroup ${version} only`, { skip }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rkt-vm-'));
    try {
      const bundle = join(directory, 'test.cjs');
      await bundleTest(bundle);
      const stage1 = existsSync(STAGE1) ? ['--file', `${STAGE1}:/packages/stage1/build/stage1`] : [];
      const { status, stdout, stderr } = runInVm(
        ['--cgroups', version, '--program', `${process.execPath}:/bin/node`, '--file', `${bundle}:${TEST}`, ...stage1],
        ['node', '--test-reporter=tap', TEST],
      );
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /^# fail 0$/m);
      // Passed, not skipped.
      assert.match(stdout, /^ {4}ok \d+ - cgroupOps\(\) limits memory: the kernel kills$/m);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

/** The tests as one file without imports. */
async function bundleTest(outfile: string): Promise<void> {
  await build({
    stdin: {
      contents: "import './kernel.test.ts'; import './change.test.ts'; import './stage1.test.ts';",
      resolveDir: join(packages, 'cgroups', 'test'),
    },
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    conditions: ['source'],
    define: { 'import.meta.dirname': '__dirname' },
    logLevel: 'warning',
  });
}
