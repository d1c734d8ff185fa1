// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';

/** When the source of an image is asked. */
export type PullPolicy = 'new' | 'never' | 'update';

/** The pull policy that the text is. */
export function parsePolicy(text: string): PullPolicy {
  if (text === 'new' || text === 'never' || text === 'update') return text;
  throw new Failure(EXIT.usage, `cannot use --pull-policy="${text}": wanted one of new, never, update`);
}
