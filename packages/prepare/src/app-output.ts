// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type PodApp } from '@rkt/formats';
import { parseMemory } from '@rkt/isolators';

type Output = NonNullable<PodApp['output']>;
type Mode = Output['stdout'];

/** What the command line says of the input and output of an app. */
export interface GivenOutput {
  readonly stdin: string;
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
  readonly 'log-max-size': string;
  readonly 'log-max-files': number;
}

const MOST_FILES = 1000;

/** What becomes of the input and output of an app; undefined where they are those of rkt-run-prepared. */
export function outputOf(given: GivenOutput, isInteractive: boolean): PodApp['output'] {
  const stdin = given.stdin === 'stream' ? 'stream' : 'null';
  const stdout = modeOf(given.stdout ?? given.stderr ?? (stdin === 'stream' ? 'both' : 'inherit'));
  const stderr = modeOf(given.stderr ?? given.stdout ?? (stdin === 'stream' ? 'both' : 'inherit'));
  if (stdout === undefined && stderr === undefined && stdin === 'null') return undefined;
  if (stdout === undefined || stderr === undefined)
    throw new Failure(EXIT.usage, 'cannot use inherit for one of --stdout and --stderr: wanted both, or --stdin=null');
  if (isInteractive) throw new Failure(EXIT.usage, 'cannot use --interactive with --stdin, --stdout or --stderr');
  const maxFiles = given['log-max-files'];
  if (!Number.isInteger(maxFiles) || maxFiles < 1 || maxFiles > MOST_FILES)
    throw new Failure(EXIT.usage, `cannot use --log-max-files=${maxFiles}: wanted 1 to ${MOST_FILES}`);
  return { stdin, stdout, stderr, maxSizeBytes: parseMemory(given['log-max-size'], '--log-max-size'), maxFiles };
}

function modeOf(text: string): Mode | undefined {
  return text === 'null' || text === 'log' || text === 'stream' || text === 'both' ? text : undefined;
}
