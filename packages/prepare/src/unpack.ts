// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Writable } from 'node:stream';
import { describe, EXIT, Failure, reason, type ExitStatus } from '@rkt/exit';
import { collect, ended, feedBlob, libraryFile, writeScratch, type Ended } from '@rkt/files';
import { printAciExpectation } from '@rkt/layers';
import { printable } from '@rkt/names';
import { readerPlan } from '@rkt/nobody';
import { printPlan, type Line } from '@rkt/plan';
import { plain, type Caller } from '@rkt/rootless';
import { naming, repairOf } from '@rkt/store';
import { type Layer } from './layers.ts';
import { writerPlan } from './unpack-plans.ts';
import { ownerReaderPlan, ownerWriterPlan } from './unpack-without-root.ts';
import { type Workplace } from './workplace.ts';
import { parseReadFiles } from './read-files.ts';

/** What unpacking a layer needs. */
export interface UnpackInput {
  readonly layer: Layer;
  readonly workplace: Workplace;
  /** The ids of the pod that the root of the layer belongs to. */
  readonly root: { readonly uid: number; readonly gid: number };
  /** Who calls, if that is not root. */
  readonly caller: Caller | undefined;
}

/** What unpacking a layer gave besides its tree. */
export interface Unpacked {
  readonly warnings: readonly string[];
  /** The user database of the layer on its parents, byte for byte as latin1; empty if there is none. */
  readonly passwd: string;
  readonly group: string;
  /** The names of the extended attributes of users that the root directory of the layer on its parents has. */
  readonly xattrs: readonly string[];
}

// What unpack says of an owner that its user namespace has no id for.
const NO_SUCH_ID = 'no such id in this user namespace';

// What stage1 says where users get no namespace, or not these ids.
const NO_NAMESPACE = 'cannot make user namespace';

/**
 * Unpacks a layer by two confined processes, and hashes the blob while it hands it to the first.
 *
 * Refuses a blob whose digest or size is not that of the manifest, whatever the processes made of it.
 */
export async function unpackLayer(input: UnpackInput): Promise<Unpacked> {
  const { layer, workplace, caller } = input;
  const { descriptor } = layer;
  const stage1 = libraryFile('stage1');
  const readerFile = join(workplace.path, 'reader.plan');
  const writerFile = join(workplace.path, 'writer.plan');
  const plans = plansOf(input);
  writeScratch(readerFile, printPlan(plans.reader));
  writeScratch(writerFile, printPlan(plans.writer));
  const reader = spawn(stage1, [readerFile], { stdio: ['pipe', 'pipe', 'pipe'] });
  const writer = spawn(stage1, [writerFile], { stdio: [reader.stdout, 'pipe', 'pipe'] });
  // The writer has the pipe now: while we held it too, neither would notice the other's end.
  reader.stdout.destroy();
  const files = collect(writer.stdout, 4 * 1024 * 1024);
  const ends = Promise.all([ended(reader), ended(writer)]);
  let digest: string;
  try {
    digest = await feed(layer, reader.stdin);
  } catch (error) {
    // Both wait for the rest of the blob, and this process for them. They are somebody else, whom it may not kill.
    reader.stdin.destroy();
    await ends;
    throw cannotRead(layer, error);
  }
  const [readerEnd, writerEnd] = await ends;
  if (digest !== descriptor.digest) {
    throw new Failure(
      EXIT.dataRefused,
      `cannot unpack layer "${descriptor.digest}": its blob in the store is ${digest}: ${repairOf(layer.image)}`,
    );
  }
  refuseFailed(readerEnd, writerEnd, { layer, caller });
  const warnings = readerEnd.lines.map(
    (line) => `layer ${descriptor.digest}: ${printable(line.replace(/^warning: /, ''))}`,
  );
  return { warnings, ...parseReadFiles((await files).toString('latin1')) };
}

function plansOf({ layer, workplace, root, caller }: UnpackInput): {
  reader: readonly Line[];
  writer: readonly Line[];
} {
  const unpack = libraryFile('unpack');
  const node = process.execPath;
  const start = libraryFile('start.js');
  const script = libraryFile('read-layer.js');
  const flags = ['--max-old-space-size=128'];
  // What an ACI must turn out to be stands before it.
  const args = [layer.descriptor.mediaType, ...(typeof layer.diffId === 'string' ? [layer.diffId] : [])];
  if (caller === undefined) {
    return {
      reader: readerPlan([node, ...flags, start, script, ...args], { what: 'reads a layer that a stranger made' }),
      writer: writerPlan(workplace, unpack),
    };
  }
  return {
    reader: ownerReaderPlan(caller.owner, join(workplace.path, 'merged'), {
      node,
      scripts: [start, script],
      flags,
      args,
    }),
    writer: ownerWriterPlan(caller.owner, { workplace, root }, unpack),
  };
}

function cannotRead({ descriptor }: Layer, error: unknown): unknown {
  if (describe(error) === undefined) return error;
  return new Failure(
    EXIT.system,
    `cannot unpack layer "${descriptor.digest}": its blob cannot be read: ${reason(error)}`,
    { cause: error },
  );
}

/** The reader's word counts first: the writer only sees its stream end early. */
function refuseFailed(
  reader: Ended,
  writer: Ended,
  { layer: { descriptor }, caller }: Pick<UnpackInput, 'layer' | 'caller'>,
): void {
  const failed = [reader, writer].find(({ status }) => status !== 0);
  if (failed === undefined) return;
  // A writer that failed closes the pipe, and then the reader fails too, with nothing to say.
  const spoken =
    reader.status !== 0 && reader.lines.length > 0 && !reader.lines.some((line) => line.includes('EPIPE'))
      ? reader
      : writer;
  const { status, lines } = spoken.status === 0 ? failed : spoken;
  const why = plain(lines.at(-1) ?? `the process that unpacks it ended with status ${String(status)}`);
  const lacksIds = caller !== undefined && why.includes(NO_SUCH_ID);
  const hint = lacksIds ? `: ${caller.withoutRanges ?? 'wanted more ids in /etc/subuid and /etc/subgid'}` : '';
  throw new Failure(
    lacksIds || why.startsWith(NO_NAMESPACE) ? EXIT.notPermitted : statusOf(status),
    `cannot unpack layer "${descriptor.digest}": ${why}${hint}`,
  );
}

function statusOf(status: number | null): ExitStatus {
  return status === EXIT.dataRefused || status === EXIT.system ? status : EXIT.system;
}

/** Hands the blob to the reader and returns the digest of what was handed over. */
async function feed({ store, image, descriptor, diffId }: Layer, to: Writable): Promise<string> {
  const fd = naming(image, () => store.openBlob(descriptor));
  if (typeof diffId !== 'string') to.write(printAciExpectation(diffId));
  const digest = await feedBlob({ fd, size: descriptor.size }, to);
  to.end();
  return digest;
}
