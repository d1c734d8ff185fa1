// SPDX-License-Identifier: Apache-2.0
import { ProfileError } from './error.ts';

/** Parses JSON so that integers beyond 2^53 arrive exactly, as bigint. */
export function json(source: string): unknown {
  try {
    return JSON.parse(source, (_key: string, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' && !Number.isSafeInteger(value) && /^\d+$/.test(context?.source ?? '')
        ? BigInt(context?.source ?? '')
        : value,
    );
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const reason = error.message.replaceAll(/\s+/g, ' ');
    throw new ProfileError(`cannot read "the profile": it is not JSON: ${reason}`, { cause: error });
  }
}

/** The value as an object. */
export function record(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return value;
  throw wrong(path, value, 'an object');
}

/** The value as a list of at most `max` entries; what is absent or null is empty. */
export function list(value: unknown, path: string, max: number): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong(path, value, 'a list');
  if (value.length > max) throw new ProfileError(`cannot read "${path}": it has more than ${max} entries`);
  return value;
}

/** The value as text. */
export function text(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw wrong(path, value, 'a string');
}

/** The value as an integer from 0 to `max`. */
export function integer(value: unknown, path: string, max: bigint): bigint {
  const number = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof number !== 'bigint' || number < 0n || number > max)
    throw wrong(path, value, `an integer from 0 to ${max}`);
  return number;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(path: string, value: unknown, wanted: string): ProfileError {
  const inside = (_key: string, part: unknown) => (typeof part === 'bigint' ? String(part) : part);
  const shown = typeof value === 'bigint' ? String(value) : JSON.stringify(value, inside);
  return new ProfileError(`cannot read "${path}": it is ${(shown ?? 'nothing').slice(0, 60)}: expected ${wanted}`);
}
