// SPDX-License-Identifier: Apache-2.0
import { flagSets, type Flag } from '@rkt/plan';

/** What Landlock can restrict of files: all of it is. */
export const ALL_FS: readonly Flag<'landlockFs'>[] = flagSets.landlockFs;

/** What Landlock can restrict of networks. */
export const ALL_NET: readonly Flag<'landlockNet'>[] = flagSets.landlockNet;

/** What may be done in a directory that is written, besides reading. */
export const CHANGE_FS: readonly Flag<'landlockFs'>[] = [
  'LANDLOCK_ACCESS_FS_WRITE_FILE',
  'LANDLOCK_ACCESS_FS_TRUNCATE',
  'LANDLOCK_ACCESS_FS_MAKE_REG',
  'LANDLOCK_ACCESS_FS_MAKE_DIR',
  'LANDLOCK_ACCESS_FS_MAKE_SYM',
  'LANDLOCK_ACCESS_FS_REMOVE_FILE',
  'LANDLOCK_ACCESS_FS_REMOVE_DIR',
  'LANDLOCK_ACCESS_FS_REFER',
];

/** Programs that are no static ones are started by one of these. */
export const LOADERS: readonly string[] = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'];

/** What Node reads of every system: libraries, its own process, how much memory there is, time zones. */
export const NODE_READS: readonly string[] = [
  '/lib',
  '/lib64',
  '/usr/lib',
  '/usr/lib64',
  '/etc/ld.so.cache',
  '/etc/localtime',
  '/etc/ssl/openssl.cnf',
  '/usr/share/zoneinfo',
  '/proc/self',
  '/proc/meminfo',
  '/proc/cpuinfo',
  '/proc/stat',
  '/sys/fs/cgroup',
  '/dev/urandom',
];

/** How the machine finds other machines, and whom it and the caller trust, as words of the launcher. */
export const CLIENT_READS: readonly string[] = [
  '/etc/resolv.conf',
  '/etc/hosts',
  '/etc/nsswitch.conf',
  '/etc/host.conf',
  '/etc/gai.conf',
  '/etc/services',
  '/etc/ssl',
  '/etc/pki',
  '/etc/ca-certificates',
  '/usr/share/ca-certificates',
  '/usr/local/share/ca-certificates',
  '"${NODE_EXTRA_CA_CERTS:-}"',
  '"${SSL_CERT_FILE:-}"',
  '"${SSL_CERT_DIR:-}"',
];

/** Variables that every command gets. */
export const ENVIRONMENT: readonly string[] = [
  'HOME',
  'PATH',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TERM',
  'TZ',
  'TMPDIR',
  'COLUMNS',
  'NO_COLOR',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_RUNTIME_DIR',
];

/** Variables of those that talk to registries: proxies, certificates. */
export const CLIENT_ENVIRONMENT: readonly string[] = [
  ...['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'].flatMap((name) => [name, name.toUpperCase()]),
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
];
