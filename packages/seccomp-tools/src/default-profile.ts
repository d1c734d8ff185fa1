// SPDX-License-Identifier: Apache-2.0
import json from '../profiles/default.json' with { type: 'json' };
import { readProfile, type Profile } from './profile.ts';

/** The profile of this package for programs that need no privilege: profiles/default.json. */
export function defaultProfile(): Profile {
  return readProfile(json);
}
