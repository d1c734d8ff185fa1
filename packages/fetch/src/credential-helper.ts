// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import type { Context } from '@rkt/command';
import { EXIT, Failure, hasCode, reason } from '@rkt/exit';
import { printable } from '@rkt/names';
import type { CredentialHelper } from '@rkt/registry';

const OUTPUT_BYTES_MAX = 1024 * 1024;

/** It may have to ask the user to unlock a keychain. */
const TIMEOUT_MS = 120_000;

/** Runs `docker-credential-NAME get` as docker does. Never for root: the file that names the program may be somebody else's. */
export function askCredentialHelper({ environment, note }: Pick<Context, 'environment' | 'note'>): CredentialHelper {
  return async (name, server) => {
    const program = `docker-credential-${name}`;
    if (process.geteuid?.() === 0) {
      note(`not running ${program} as root: use --authfile, or fetch as an ordinary user`);
      return undefined;
    }
    const { code, output, errors } = await runHelper(program, server, environment);
    if (code === 0) return output;
    // All helpers say it in these words; there is no status for it.
    if (/credentials not found|no credentials/i.test(`${output.toString()} ${errors.toString()}`)) return undefined;
    throw new Failure(EXIT.unavailable, `cannot get credentials from "${program}": it ended with status ${code}`);
  };
}

/** Runs nothing: a file that names a helper now was named on the command line, or handed over, and is data. Nor does root. */
export function refuseCredentialHelper({ note }: Pick<Context, 'note'>): CredentialHelper {
  return (name) => {
    const who = process.geteuid?.() === 0 ? 'an ordinary user' : 'its file in its usual place';
    note(`not running docker-credential-${name}: wanted ${who}, or a file with the credentials themselves`);
    return Promise.resolve(undefined);
  };
}

interface HelperResult {
  readonly code: number;
  readonly output: Buffer;
  readonly errors: Buffer;
}

async function runHelper(program: string, server: string, environment: Context['environment']): Promise<HelperResult> {
  const child = spawn(program, ['get'], {
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe'],
    // Unlike `timeout` it does not outlive a program that could not be started.
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve(code ?? EXIT.bug));
  });
  // A helper that does not read its input may be gone before it is written.
  child.stdin.on('error', () => undefined).end(server);
  try {
    const collect = async (stream: AsyncIterable<Buffer>) => {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of stream) {
        size += chunk.byteLength;
        if (size > OUTPUT_BYTES_MAX) {
          child.kill();
          throw new Failure(EXIT.dataRefused, `cannot get credentials from "${program}": it says too much`);
        }
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    };
    const [code, output, errors] = await Promise.all([ended, collect(child.stdout), collect(child.stderr)]);
    return { code, output, errors };
  } catch (error) {
    if (error instanceof Failure) throw error;
    const why = hasCode(error, 'ENOENT', 'EACCES') ? 'no such program on PATH' : reason(error);
    throw new Failure(EXIT.configuration, `cannot run credential helper "${printable(program)}": ${why}`, {
      cause: error,
    });
  }
}
