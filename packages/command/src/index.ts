// SPDX-License-Identifier: Apache-2.0
export {
  globalOptions,
  trustOptions,
  type Command,
  type Context,
  type Given,
  type Option,
  type OptionTable,
} from './command.ts';
export { description, helpOf, signature } from './help.ts';
export { parseOptions, type Parsed } from './parse.ts';
export { run } from './run.ts';
export { VERSION } from './version.ts';
