// SPDX-License-Identifier: Apache-2.0
// Asks credential helpers about the registries of a command line of rkt-fetch, and prints what they know as a file of credentials.
// The launcher runs it before it confines rkt-fetch: a helper is a program of the user's, and rkt-fetch may execute none.
import { run } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { askHelpers } from '../src/ask-helpers.ts';
import { options } from '../src/options.ts';

void run(
  {
    name: 'rkt-fetch',
    synopsis: '',
    summary: '',
    options,
    main: async (given, operands, context) => {
      context.print(JSON.stringify({ auths: await askHelpers(given, operands, context) }));
      return EXIT.ok;
    },
  },
  process.argv.slice(2),
);
