// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure, printable } from '@rkt/exit';

declare const brand: unique symbol;

/** The name of a pod: a UUID of version 4 in lower case. */
export type PodUuid = string & { readonly [brand]: 'PodUuid' };

/** The name of an app in a pod: an AC name, lower-case letters, digits and inner hyphens, at most 63. */
export type AppName = string & { readonly [brand]: 'AppName' };

/** True if the text is the UUID of a pod. */
export function isPodUuid(text: string): text is PodUuid {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(text);
}

/** True if the text can begin the UUID of a pod, in any case. */
export function isUuidPrefix(text: string): boolean {
  return /^[0-9a-fA-F][0-9a-fA-F-]{0,35}$/.test(text);
}

/** True if the text is the name of an app. */
export function isAppName(text: string): text is AppName {
  return text.length <= 63 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text);
}

/** The app name that the text is, or a refusal. */
export function parseAppName(text: string): AppName {
  if (isAppName(text)) return text;
  throw new Failure(
    EXIT.usage,
    `cannot use app name "${printable(text)}": wanted lower-case letters, digits and inner hyphens, at most 63`,
  );
}

/** The app name made from the last path component of an image's name, as rkt made it. */
export function appNameOf(imageName: string): AppName {
  const last = imageName.split('/').at(-1) ?? '';
  const name = last
    .replace(/[:@].*$/s, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return isAppName(name) ? name : parseAppName('app');
}
