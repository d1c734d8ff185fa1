// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

/** For which names: those below a prefix, or every one. */
export type Scope = { readonly prefix: string } | { readonly root: true };

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+|~)[a-z0-9]+)*$/;
const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?$/;

/** The scope that the options name; undefined without any. */
export function scopeOf({
  prefix,
  root,
}: {
  readonly prefix: string | undefined;
  readonly root: boolean;
}): Scope | undefined {
  if (prefix !== undefined && root) throw new Failure(EXIT.usage, '--root and --prefix usage mutually exclusive');
  if (root) return { root: true };
  return prefix === undefined ? undefined : { prefix: parsePrefix(prefix) };
}

/** A prefix of image names: whole components, the first of them a host. */
function parsePrefix(text: string): string {
  const scheme = /^([a-z]+):\/\//.exec(text)?.[1];
  if (scheme !== undefined) throw new Failure(EXIT.usage, `--prefix must not contain a URL scheme, omit ${scheme}://`);
  const [host = '', ...path] = text.split('/');
  if (HOST.test(host) && path.every((component) => COMPONENT.test(component))) return text;
  throw new Failure(
    EXIT.usage,
    `cannot use prefix "${printable(text)}": wanted HOST[/PATH] in lower case, without a tag and a slash at its end`,
  );
}

/** The prefix of a scope, undefined for every name. */
export function prefixOf(scope: Scope): string | undefined {
  return 'prefix' in scope ? scope.prefix : undefined;
}
