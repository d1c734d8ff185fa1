// SPDX-License-Identifier: Apache-2.0
// What rkt-prepare expects of an ACI, on its way to the process that reads it: in front of the ACI, behind the length of its own.
import type { AciExpectation } from './aci.ts';

/** The text that goes before the bytes of an ACI: a line with its length, and itself as JSON. */
export function printAciExpectation(expectation: AciExpectation): Buffer {
  const json = Buffer.from(JSON.stringify(expectation));
  return Buffer.concat([Buffer.from(`${json.length}\n`), json]);
}

/** Takes what is expected off the front of a stream; `parse` is the parser of JSON. What follows is the ACI. */
export async function takeAciExpectation(
  input: AsyncIterable<Uint8Array>,
  parse: (bytes: Buffer) => unknown,
): Promise<{ readonly aci: AciExpectation; readonly rest: AsyncIterable<Uint8Array> }> {
  const chunks = input[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  for (;;) {
    const line = held.indexOf('\n');
    const end = line < 0 ? Infinity : line + 1 + Number(held.toString('latin1', 0, line));
    if (held.length >= end) {
      const aci = expectationOf(parse(held.subarray(line + 1, end)));
      return { aci, rest: resume(held.subarray(end), chunks) };
    }
    const next = await chunks.next();
    if (next.done === true) throw malformed();
    held = Buffer.concat([held, next.value]);
  }
}

async function* resume(first: Buffer, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* { [Symbol.asyncIterator]: () => chunks };
}

function expectationOf(data: unknown): AciExpectation {
  const { imageId, manifest, whitelists }: Partial<Record<string, unknown>> = Object(data);
  if (typeof imageId === 'string' && typeof manifest === 'string' && isLists(whitelists)) {
    return { imageId, manifest, whitelists };
  }
  throw malformed();
}

function isLists(value: unknown): value is string[][] {
  return (
    Array.isArray(value) && value.every((list) => Array.isArray(list) && list.every((path) => typeof path === 'string'))
  );
}

// rkt-prepare wrote it: that is nobody's fault but ours.
function malformed(): TypeError {
  return new TypeError('malformed expectation of an ACI');
}
