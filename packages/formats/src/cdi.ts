// SPDX-License-Identifier: Apache-2.0
// Container Device Interface: what an administrator or a driver says of devices, below /etc/cdi and /run/cdi.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { parseJson } from './json.ts';

/** The size of the largest file. */
const CDI_BYTES_MAX = 4 * 1024 * 1024;

const id = () => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65534));

const named = (pattern: RegExp, what: string) => v.pipe(v.string(), v.regex(pattern, `wanted ${what}`));

const deviceNode = () =>
  v.strictObject({
    path: v.string(),
    hostPath: v.optional(v.string()),
    type: v.optional(v.string()),
    major: v.optional(v.number()),
    minor: v.optional(v.number()),
    fileMode: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o777))),
    permissions: v.optional(v.string()),
    uid: v.optional(id()),
    gid: v.optional(id()),
  });

const mount = () =>
  v.strictObject({
    hostPath: v.string(),
    containerPath: v.string(),
    options: v.optional(v.array(v.string()), []),
    type: v.optional(v.string()),
  });

// What is not named here would have to be done: a device that lacks it does not work, or lacks a protection.
const edits = () =>
  v.strictObject({
    env: v.optional(v.array(v.string()), []),
    deviceNodes: v.optional(v.array(deviceNode()), []),
    mounts: v.optional(v.array(mount()), []),
    hooks: v.optional(v.array(v.unknown()), []),
    additionalGids: v.optional(v.array(id()), []),
  });

const annotations = () => v.optional(v.record(v.string(), v.string()));

const spec = () =>
  v.strictObject({
    cdiVersion: named(/^v?(0\.\d+\.\d+|1\.0\.\d+)$/, 'a version up to 1.0'),
    kind: named(/^[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9][A-Za-z0-9_-]*$/, 'VENDOR/CLASS'),
    annotations: annotations(),
    containerEdits: v.optional(edits()),
    devices: v.array(
      v.strictObject({
        name: named(/^[A-Za-z0-9][A-Za-z0-9._:-]*$/, 'a name'),
        annotations: annotations(),
        containerEdits: edits(),
      }),
    ),
  });

/** The devices of one vendor and class, as a file describes them. */
export type CdiSpec = v.InferOutput<ReturnType<typeof spec>>;

/** What a device changes of a container that gets it. */
export type CdiEdits = v.InferOutput<ReturnType<typeof edits>>;

/** Reads a file of the Container Device Interface, in JSON or YAML. */
export async function parseCdiSpec(bytes: Uint8Array, path: string): Promise<CdiSpec> {
  const refuse = (why: string) => new Failure(EXIT.configuration, `cannot read "${printable(path)}": ${why}`);
  if (bytes.byteLength > CDI_BYTES_MAX) throw refuse(`it is larger than ${CDI_BYTES_MAX} bytes`);
  const isJson = path.endsWith('.json');
  let data: unknown;
  try {
    data = isJson ? parseJson(bytes, { what: 'it' }) : await yamlOf(bytes);
  } catch {
    throw refuse(`it is not ${isJson ? 'JSON' : 'YAML'}`);
  }
  const result = v.safeParse(spec(), data, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw refuse(`${printable(v.getDotPath(issue) ?? 'the document')}: ${printable(issue.message)}`);
}

async function yamlOf(bytes: Uint8Array): Promise<unknown> {
  // Loaded when it is needed: few machines have such files.
  const { parse } = await import('yaml');
  // Aliases would let a small text stand for a large one.
  const data: unknown = parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), {
    maxAliasCount: 0,
    logLevel: 'error',
  });
  return data;
}
