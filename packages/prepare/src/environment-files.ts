// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { readGivenFile } from './given-file.ts';

/** The variables of the files of `--set-env-file`, `NAME=VALUE` each: lines without those that are empty or comments. */
export function readEnvironmentFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => parseEnvironment(readGivenFile(path).toString(), path));
}

/** The variables of such a text; the path is for the message. */
export function parseEnvironment(text: string, path: string): string[] {
  return text
    .split('\n')
    .map((line, index) => ({ line: line.replace(/\r$/, ''), number: index + 1 }))
    .filter(({ line }) => !/^\s*([#;]|$)/.test(line))
    .map(({ line, number }) => {
      if (/^[^=\0]+=[^\0]*$/.test(line)) return line;
      throw new Failure(EXIT.dataRefused, `cannot read "${printable(path)}": line ${number}: wanted NAME=VALUE`);
    });
}
