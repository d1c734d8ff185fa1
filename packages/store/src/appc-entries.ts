// SPDX-License-Identifier: Apache-2.0
// Images in appc's format among the entries of the index: by name and labels, by image id.
import { hostPlatform, platformLabels, REF_NAME, type LayoutEntry } from '@rkt/formats';
import { parseReference, type AppcReference } from '@rkt/names';

/** The annotation of an entry with the image id of an image in appc's format. */
export const APPC_ID = 'org.rkt.appc.id';

/** The annotation of an entry that was fetched when nobody asked for a version. */
export const APPC_LATEST = 'org.rkt.appc.latest';

/** When an image was fetched, in the form of RFC 3339. */
export const FETCHED = 'org.rkt.fetched';

/** The entries of an image id that begins like this. */
export function entriesOfImageId(entries: readonly LayoutEntry[], prefix: string): LayoutEntry[] {
  return entries.filter(({ annotations }) => annotations[APPC_ID]?.startsWith(prefix) === true);
}

/** The entry of the best image with a name and labels: one that was fetched as the latest, else the one fetched last. */
export function entryOfName(entries: readonly LayoutEntry[], { name, labels }: AppcReference): LayoutEntry | undefined {
  const host = platformLabels(hostPlatform());
  const matching = entries.filter(({ annotations }) => {
    const found = labelsOf(annotations[REF_NAME], name);
    if (found === undefined || !labels.every((label) => found.get(label.name) === label.value)) return false;
    // What is for another machine is found only by who asks for it.
    return (['os', 'arch'] as const).every((key) => {
      return labels.some((label) => label.name === key) || [undefined, host[key]].includes(found.get(key));
    });
  });
  const byTime = matching.toSorted((a, b) => timeOf(b) - timeOf(a));
  const hasVersion = labels.some((label) => label.name === 'version');
  return (hasVersion ? undefined : byTime.find(({ annotations }) => annotations[APPC_LATEST] === 'true')) ?? byTime[0];
}

/** The labels of the image that an entry names, if it has the name. */
function labelsOf(text: string | undefined, name: string): ReadonlyMap<string, string> | undefined {
  if (text?.startsWith(`cimd:appc:v=0:${name}`) !== true) return undefined;
  try {
    const found = parseReference(text);
    if (found.kind !== 'appc' || found.name !== name) return undefined;
    return new Map(found.labels.map((label) => [label.name, label.value]));
  } catch {
    // Whoever wrote that was not rkt.
    return undefined;
  }
}

function timeOf({ annotations }: LayoutEntry): number {
  const time = Date.parse(annotations[FETCHED] ?? '');
  return Number.isNaN(time) ? 0 : time;
}

/** The name of an image as people know it: of one of appc `NAME[:VERSION]`, of any other the name itself. */
export function shownName(name: string): string {
  if (!name.startsWith('cimd:appc:')) return name;
  try {
    const found = parseReference(name);
    if (found.kind !== 'appc') return name;
    const version = found.labels.find((label) => label.name === 'version');
    return version === undefined ? found.name : `${found.name}:${version.value}`;
  } catch {
    return name;
  }
}
