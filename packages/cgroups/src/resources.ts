// SPDX-License-Identifier: Apache-2.0
import type { RuntimeResources } from '@rkt/formats';

/** What of `linux.resources` of the OCI runtime specification rkt limits. */
export type Resources = RuntimeResources;

/** How many processes and threads an app may have if nobody says otherwise. */
export const DEFAULT_PIDS = 1024;
