// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { DEFAULT_CAPABILITIES, type RuntimeCapabilities } from '@rkt/formats';
import { printable } from '@rkt/names';
import { flagSets } from '@rkt/plan';

/** What decides about the capabilities of an app. */
export interface CapabilityChoice {
  readonly uid: number;
  readonly retain: readonly string[];
  readonly remove: readonly string[];
  /** `--insecure-options=capabilities`. */
  readonly unrestricted: boolean;
  /** What the image says of itself: it takes from the default set, and counts only if the user says nothing. */
  readonly image?: { readonly mode: 'retain' | 'remove'; readonly set: readonly string[] } | undefined;
}

/** The capability sets of an app: for an app that is not root the effective and permitted sets are empty, inheritable and ambient always. */
export function capabilitiesOf({ uid, retain, remove, unrestricted, image }: CapabilityChoice): RuntimeCapabilities {
  if (retain.length > 0 && remove.length > 0) {
    throw new Failure(EXIT.usage, 'cannot use both --caps-retain and --caps-remove on the same image');
  }
  const retained = names(retain);
  const removed = names(remove);
  const own = remove.length > 0 ? DEFAULT_CAPABILITIES : restricted(image);
  const base = unrestricted ? flagSets.capability : retain.length > 0 ? retained : own;
  const bounding = base.filter((name) => !removed.includes(name));
  const active = uid === 0 ? bounding : [];
  return { bounding, effective: active, permitted: active, inheritable: [], ambient: [] };
}

function restricted(image: CapabilityChoice['image']): readonly string[] {
  if (image === undefined) return DEFAULT_CAPABILITIES;
  return DEFAULT_CAPABILITIES.filter((name) => image.set.includes(name) === (image.mode === 'retain'));
}

function names(lists: readonly string[]): string[] {
  const known: readonly string[] = flagSets.capability;
  return lists
    .flatMap((list) => list.split(','))
    .map((name) => {
      const upper = name.trim().toUpperCase();
      const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
      if (known.includes(full)) return full;
      throw new Failure(EXIT.usage, `cannot use capability "${printable(name)}": no such capability`);
    });
}
