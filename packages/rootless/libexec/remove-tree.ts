// SPDX-License-Identifier: Apache-2.0
// Removes the directory tree that it is given, in the user namespace of whoever runs it: see removeOwnTree().
import { EXIT, reason } from '@rkt/exit';
import { removeTree } from '@rkt/files';

process.exitCode = EXIT.bug;
try {
  removeTree(process.argv[2] ?? '');
  process.exitCode = EXIT.ok;
} catch (error) {
  process.stderr.write(`${reason(error)}\n`);
  process.exitCode = EXIT.system;
}
