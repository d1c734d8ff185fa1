// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type RuntimeResources } from './runtime-resources.ts';

/** A mount of the OCI runtime specification. */
export interface RuntimeMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
  /** What the source lies below and no link in it may lead out of. Not of the specification, which has readers ignore it. */
  readonly within?: string;
}

/** A device node of the OCI runtime specification; without `uid` and `gid` it belongs to root of the host. */
export interface RuntimeDevice {
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** The capability sets of the OCI runtime specification. */
export interface RuntimeCapabilities {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
}

/** An id mapping of the OCI runtime specification. */
export interface RuntimeIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/**
 * The part of the OCI runtime specification 1.2 (config.md, config-linux.md) that rkt writes to `apps/NAME/config.json`
 * and that its flavours compile. crun and runc run it as it is, given a root file system at `rootfs`.
 */
export interface RuntimeConfig {
  readonly ociVersion: string;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname: string;
  readonly process: {
    readonly terminal: boolean;
    readonly user: {
      readonly uid: number;
      readonly gid: number;
      readonly umask: number;
      readonly additionalGids: readonly number[];
    };
    readonly args: readonly string[];
    readonly env: readonly string[];
    readonly cwd: string;
    readonly capabilities: RuntimeCapabilities;
    readonly rlimits: readonly { readonly type: string; readonly soft: number; readonly hard: number }[];
    readonly noNewPrivileges: boolean;
    readonly oomScoreAdj: number;
  };
  readonly mounts: readonly RuntimeMount[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: {
    readonly namespaces: readonly { readonly type: string }[];
    readonly uidMappings?: readonly RuntimeIdMapping[];
    readonly gidMappings?: readonly RuntimeIdMapping[];
    readonly devices?: readonly RuntimeDevice[];
    readonly cgroupsPath: string;
    readonly resources: RuntimeResources;
    readonly sysctl?: Readonly<Record<string, string>>;
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly rootfsPropagation: string;
    readonly seccomp?: object;
  };
}

/** A limit of a process that is none: RLIM_INFINITY, as near as a number of JavaScript comes to it. */
export const UNLIMITED = 2 ** 64;

/** The text of `config.json`. */
export function printRuntimeConfig(config: RuntimeConfig): string {
  // The specification has whole numbers of 64 bits here; a line with a string cannot look like this one.
  const exact = (text: string) =>
    text.replaceAll(/^( *"(?:soft|hard)": )18446744073709552000(,?)$/gm, '$118446744073709551615$2');
  return `${exact(JSON.stringify(config, null, 2))}\n`;
}

/** Reads a `config.json` that rkt wrote; the path is for the message. */
export function parseRuntimeConfig(text: string, path: string): RuntimeConfig {
  const data: unknown = JSON.parse(text);
  if (isRuntimeConfig(data)) return data;
  throw new Failure(EXIT.dataRefused, `cannot read "${path}": not a runtime configuration of rkt`);
}

// Only rkt-prepare, as root, writes this file: its kind is checked here, its details where it was made.
function isRuntimeConfig(data: unknown): data is RuntimeConfig {
  return typeof data === 'object' && data !== null && 'ociVersion' in data && 'process' in data && 'linux' in data;
}
