// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { becomesStage1, mounts, type Declaration } from './declaration.ts';
import { filterOf } from './filters.ts';
import {
  ALL_FS,
  ALL_NET,
  CHANGE_FS,
  CLIENT_ENVIRONMENT,
  CLIENT_READS,
  ENVIRONMENT,
  LOADERS,
  NODE_READS,
} from './rights.ts';

/** What a launcher is made of. */
export interface LauncherInput {
  readonly name: string;
  readonly declaration: Declaration;
  /** Options of Node itself. */
  readonly flags: readonly string[];
}

/** The launcher of an executable: a script that confines itself by stage1 and becomes Node. */
export function launcher({ name, declaration, flags }: LauncherInput): string {
  const part = (file: string) => readFileSync(join(import.meta.dirname, file), 'utf8');
  const values: Readonly<Record<string, string>> = {
    name,
    page: name.replace(/^rkt-/, ''),
    flags: flags.map((flag) => `${flag} `).join(''),
    change: CHANGE_FS.map((right) => `\\|${right}`).join(''),
    // The filter comes last: it need not allow what stage1 does before.
    filter: filterLine(declaration),
  };
  const body = [
    ...directories(declaration),
    ...(becomesNetworkUser(declaration) ? [part('network-user.sh').replace(/^(#.*\n)+/, '')] : []),
    ...umask(declaration),
    ...restrictions(declaration),
    ...environment(declaration),
  ];
  return part('launcher.sh')
    .replace('@body@', () => body.join('\n'))
    .replaceAll(/@(\w+)@/g, (whole, key: string) => values[key] ?? whole);
}

/**
 * True for a command that root runs as another user: it brings what registries send into the store, and the store is that
 * user's. See network-user.sh. One that writes what only root may write has to part with its rights by itself.
 */
function becomesNetworkUser({ network, writes }: Declaration): boolean {
  return network === 'client' && writes.includes('$DIR/store');
}

function filterLine(declaration: Declaration): string {
  const filter = filterOf(declaration);
  if (filter === undefined) return '';
  const name = becomesNetworkUser(declaration) ? '$filter' : filter;
  return `${unlessUnprivilegedMount(declaration)}line "seccomp 0 ${name}.bpf"\n`;
}

/** Landlock can only allow what is there. */
function directories(declaration: Declaration): string[] {
  return (mounts(declaration) ? [] : declaration.writes)
    .filter(isOurs)
    .map((path) => `[ -d ${shell(path)} ] || (umask 022 && mkdir -p ${shell(path)}) 2>/dev/null`);
}

/** What one user puts into a store that is a group's, all can read. */
function umask({ writes }: Declaration): string[] {
  if (!writes.includes('$DIR/store')) return [];
  return ['if [ -g "$dir/store" ] || [ -n "${become:-}" ]; then line umask 0022; fi'];
}

/**
 * An ordinary user mounts in a user namespace, whose ids newuidmap(1) maps: a set-user-id program, which can do nothing
 * for a process without the right to new privileges.
 */
function unlessUnprivilegedMount(declaration: Declaration): string {
  return mounts(declaration) ? '[ -z "$root" ] || ' : '';
}

function restrictions(declaration: Declaration): string[] {
  // What binds this process would bind the pod that it becomes.
  if (becomesStage1(declaration)) return [];
  const unless = unlessUnprivilegedMount(declaration);
  return [
    'line setrlimit RLIMIT_CORE 0 0',
    `${unless}line prctl PR_SET_NO_NEW_PRIVS 1`,
    ...(mounts(declaration) ? [] : files(declaration)),
    ...capabilities(declaration),
  ];
}

function capabilities(declaration: Declaration): string[] {
  const { capabilities: names } = declaration;
  const kept = names.length === 0 ? '0' : names.join('|');
  return [
    'if [ -n "$root" ]; then',
    `\tline "capbset ${kept}"`,
    ...(becomesNetworkUser(declaration) ? ['\t[ -z "$become" ] || line "$become"'] : []),
    `\tline "capset ${kept} ${kept} 0"`,
    'fi',
  ];
}

function files(declaration: Declaration): string[] {
  const { reads, writes, runs, network, capabilities: names } = declaration;
  // Whoever ends pods sends signals; nobody needs other programs' abstract sockets.
  const scopes = [
    'LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET',
    ...(names.includes('CAP_KILL') ? [] : ['LANDLOCK_SCOPE_SIGNAL']),
  ];
  const net = network === 'client' ? ['LANDLOCK_ACCESS_NET_BIND_TCP'] : ALL_NET;
  return [
    `line "landlock_create_ruleset 3 ${ALL_FS.join('|')} ${net.join('|')} ${scopes.join('|')}"`,
    `may $run "$node" ${LOADERS.join(' ')}`,
    `may $read "$lib" ${NODE_READS.join(' ')}`,
    ...(network === 'client' ? [`may $read ${CLIENT_READS.join(' ')}`] : []),
    'may $read\\|LANDLOCK_ACCESS_FS_WRITE_FILE /dev/null',
    ...paths('read', reads),
    ...paths('change', writes),
    ...programs(runs),
    'line landlock_restrict_self 3',
  ];
}

/** A directory of rkt's: a rule needs one that is there, and the command would make it. */
function isOurs(path: string): boolean {
  return ['$DIR/', '/etc/rkt/', '/run/rkt'].some((beginning) => path.startsWith(beginning));
}

function paths(rights: 'read' | 'change', list: readonly string[]): string[] {
  const named = list.filter((path) => path !== '$WORDS').map(shell);
  return [
    ...(named.length === 0 ? [] : [`may $${rights} ${named.join(' ')}`]),
    ...(list.includes('$WORDS') ? words(rights) : []),
  ];
}

/** What the caller names may be used as the caller could: `FILE` with its signature, `--option=FILE`, `oci:DIRECTORY:TAG`, `file://FILE`. */
function words(rights: 'read' | 'change'): string[] {
  const named =
    rights === 'read'
      ? [
          '\tcase $path in file:///*) path=${path#file://} ;; aci:*) path=${path#*:} ;; oci:* | oci-archive:* | docker-archive:*) path=${path#*:} ;; esac',
          '\tmay $read "$path" "$path.asc" "${path%:*}" "${path%%:*}"',
        ]
      : ['\tcase $path in */*) may $change "${path%/*}/" ;; *) may $change . ;; esac'];
  return ['for word; do', '\tpath=${word#--*=}', '\tcase $path in -*) continue ;; esac', ...named, 'done'];
}

function programs(runs: readonly string[]): string[] {
  const own = runs.filter((name) => !name.includes('*')).map((name) => `"$lib/${name}"`);
  return [
    ...(own.length === 0 ? [] : [`may $run ${own.join(' ')}`]),
    ...(runs.includes('docker-credential-*') ? credentialHelpers() : []),
  ];
}

/**
 * A credential helper is a program of the user's, with the user's keys: it is asked before anything is confined, and what it
 * knows is the standard input of the command. Root asks none.
 */
function credentialHelpers(): string[] {
  const configurations = [
    '"${REGISTRY_AUTH_FILE:-}"',
    '"${XDG_RUNTIME_DIR:-}/containers/auth.json"',
    '"${XDG_CONFIG_HOME:-${HOME:-}/.config}/containers/auth.json"',
    '"${DOCKER_CONFIG:-${HOME:-}/.docker}/config.json"',
  ];
  return [
    'helper=',
    `for file in ${configurations.join(' ')}; do`,
    '\t[ -z "$root" ] && [ -f "$file" ] && [ -r "$file" ] || continue',
    '\twhile IFS= read -r text || [ -n "$text" ]; do',
    '\t\tcase $text in *\\"credHelpers\\"* | *\\"credsStore\\"*) helper=yes ;; esac',
    '\tdone <"$file"',
    'done',
    '# Whoever names a file, or hands one over, wants that one.',
    '[ "${REGISTRY_AUTH_FILE:-}" != - ] || helper=',
    'for word; do',
    '\tcase $word in --authfile | --authfile=*) helper= ;; esac',
    'done',
    'if [ -n "$helper" ]; then',
    '\tcredentials=$("$node" --disable-warning=ExperimentalWarning "$lib/start.js" "$lib/ask-helpers.js" "$@") || exit',
    '\texec <<-END',
    '\t\t$credentials',
    '\tEND',
    '\tREGISTRY_AUTH_FILE=-',
    '\texport REGISTRY_AUTH_FILE',
    'fi',
  ];
}

function environment({ environment: own, network }: Declaration): string[] {
  if (own.includes('*')) return ['unset NODE_OPTIONS NODE_COMPILE_CACHE NODE_EXTRA_CA_CERTS', "line 'keepenv *'"];
  const names = [...ENVIRONMENT, ...(network === 'client' ? CLIENT_ENVIRONMENT : []), ...own];
  return [`plan="\${plan}${names.map((name) => `keepenv ${name}\n`).join('')}"`];
}

/** A path of a declaration as a word of the script. */
function shell(path: string): string {
  const expanded = path
    .replace(/^\$DIR\b/, '$dir')
    .replace(/^\$LIB\b/, '$lib')
    .replace(/^\$([A-Z_]+)\b/, '${$1:-/nowhere}');
  return `"${expanded}"`;
}
