// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_PIDS } from '@rkt/cgroups';
import { type OptionTable } from '@rkt/command';
import { limitOptions, podLimitOptions } from '@rkt/isolators';

/** Options of the pod: they may stand anywhere. */
export const podOptions = {
  store: { type: 'strings', value: 'DIR', describe: 'look for images in this store too, after the one of --dir' },
  'pull-policy': {
    type: 'string',
    value: 'POLICY',
    default: 'new',
    choices: ['new', 'never', 'update'],
    describe: 'when rkt-run fetches: images that are missing, none, or all',
  },
  'store-only': { type: 'boolean', describe: 'the same as --pull-policy=never' },
  'no-store': { type: 'boolean', describe: 'the same as --pull-policy=update' },
  'pod-manifest': {
    type: 'string',
    value: 'FILE',
    describe: 'prepare the pod that this PodManifest of appc describes, of images that are in a store',
  },
  net: {
    type: 'string',
    value: 'NETWORK',
    default: 'none',
    implied: 'none',
    choices: ['none', 'host'],
    describe: 'network of the pod',
  },
  hostname: { type: 'string', value: 'NAME', describe: 'host name of the pod, rkt-UUID if not given' },
  volume: {
    type: 'strings',
    value: 'NAME,kind=host|empty|tmpfs|image,...',
    describe: 'a volume that apps can mount: see VOLUMES',
  },
  'set-env': { type: 'strings', value: 'NAME=VALUE', describe: 'environment variable of every app' },
  'set-env-file': {
    type: 'strings',
    value: 'FILE',
    describe: 'environment variables of every app, a line NAME=VALUE each; --set-env is stronger',
  },
  ipc: {
    type: 'string',
    value: 'MODE',
    default: 'auto',
    choices: ['auto', 'private', 'parent'],
    describe: 'IPC namespace of the pod: one of its own, or that of the host',
  },
  'inherit-env': { type: 'boolean', describe: 'give the apps the variables of the caller that they do not have' },
  'insecure-options': {
    type: 'strings',
    value: 'OPTION,...',
    describe: 'switch protections off: image, capabilities, paths, seccomp, userns, landlock, all-run, all',
  },
  'private-users': {
    type: 'string',
    value: 'BOOL',
    implied: 'true',
    default: 'true',
    choices: ['true', 'false'],
    describe: 'user ids of its own for the pod; false: the same as --insecure-options=userns',
  },
  policy: {
    type: 'string',
    value: 'FILE',
    describe: 'decide about images by this containers-policy.json(5) instead of the keys that are trusted',
  },
  'local-config': {
    type: 'string',
    value: 'DIR',
    describe: 'the administrator’s directory of trusted keys and settings [default: /etc/rkt]',
  },
  'system-config': {
    type: 'string',
    value: 'DIR',
    describe: 'the vendor’s directory of trusted keys and settings [default: /usr/lib/rkt]',
  },
  mutable: { type: 'boolean', describe: 'let apps come and go while the pod runs, which ends when it is stopped' },
  'add-to': {
    type: 'string',
    value: 'UUID',
    describe: 'add the app to this pod, which runs and is mutable, instead of preparing one',
  },
  ...podLimitOptions,
  sysctl: { type: 'strings', value: 'NAME=VALUE', describe: 'setting of the kernel in the namespaces of the pod' },
  interactive: { type: 'boolean', describe: 'connect the app to the terminal of rkt-run-prepared' },
  'uuid-file-save': { type: 'string', value: 'FILE', describe: 'write the UUID of the pod to this file' },
  quiet: { type: 'boolean', alias: 'q', describe: 'print nothing but the UUID' },
  'no-dependencies': {
    type: 'boolean',
    describe: "take images in appc's format without what they depend on, and with all their files",
  },
  'if-stored': { type: 'boolean', describe: 'say nothing if an image is in no store, and end with status 66' },
  'print-images': { type: 'boolean', describe: 'prepare nothing; print the images, one on a line' },
  'print-missing': {
    type: 'boolean',
    describe: 'prepare nothing; print the images that are in no store, one on a line',
  },
} as const satisfies OptionTable;

const OUTPUT_MODES = ['inherit', 'null', 'log', 'stream', 'both'] as const;

/** Options of an app: they follow its image. */
export const appOptions = {
  name: { type: 'string', value: 'NAME', describe: 'name of the app' },
  exec: { type: 'string', value: 'PROGRAM', describe: 'program to run instead of that of the image' },
  user: { type: 'string', value: 'USER', describe: 'user: a name or number of the image, or a path in it' },
  group: { type: 'string', value: 'GROUP', describe: 'group: a name or number of the image, or a path in it' },
  'supplementary-gids': { type: 'string', value: 'GID,...', describe: 'supplementary groups' },
  environment: { type: 'strings', value: 'NAME=VALUE', describe: 'environment variable of the app' },
  'working-dir': { type: 'string', value: 'PATH', describe: 'working directory' },
  'readonly-rootfs': {
    type: 'string',
    value: 'BOOL',
    implied: 'true',
    default: 'false',
    choices: ['true', 'false'],
    describe: 'make the root file system read-only',
  },
  mount: {
    type: 'strings',
    value: 'volume=NAME,target=PATH',
    describe: 'mount a volume; before the first image: in every app: see VOLUMES',
  },
  'mnt-volume': {
    type: 'strings',
    value: 'name=NAME,kind=...,target=PATH,...',
    describe: 'a volume and its mount in this app in one',
  },
  device: {
    type: 'strings',
    value: 'HOSTPATH[:PATH][:PERMISSIONS]',
    describe: 'a device of the host, or VENDOR/CLASS=NAME for one of the Container Device Interface: see DEVICES',
  },
  annotation: {
    type: 'strings',
    value: 'NAME=VALUE',
    describe: 'annotation of the app; before the first image: of the pod',
  },
  'user-annotation': {
    type: 'strings',
    value: 'NAME=VALUE',
    describe: 'what the user notes of the app, or of the pod; rkt-list and rkt-status show it',
  },
  'user-label': {
    type: 'strings',
    value: 'NAME=VALUE',
    describe: 'a label that the user gives to the app, or to the pod; rkt-list and rkt-status show it',
  },
  restart: {
    type: 'string',
    value: 'POLICY',
    default: 'no',
    describe: 'start the app anew when it has ended: no, on-failure, on-failure:N for at most N times, always',
  },
  stdin: {
    type: 'string',
    value: 'MODE',
    default: 'null',
    choices: ['null', 'stream'],
    describe: 'what the app reads: nothing, or what is typed by who attaches to it',
  },
  stdout: {
    type: 'string',
    value: 'MODE',
    choices: OUTPUT_MODES,
    describe:
      'where the output of the app goes: that of rkt-run-prepared, nowhere, the log, to who attaches to it, or both [default: inherit]',
  },
  stderr: {
    type: 'string',
    value: 'MODE',
    choices: OUTPUT_MODES,
    describe: 'the same of its messages [default: as --stdout]',
  },
  'log-max-size': {
    type: 'string',
    value: 'QUANTITY',
    default: '10Mi',
    describe: 'rotate the log of the app before it is larger',
  },
  'log-max-files': {
    type: 'number',
    value: 'N',
    default: 5,
    describe: 'keep so many files of the log',
  },
  pid: {
    type: 'string',
    value: 'PROCESSES',
    default: 'pod',
    choices: ['pod', 'private', 'host'],
    describe: 'processes that the app is among and sees: those of the pod, its own, or those of the host',
  },
  ...limitOptions,
  'pids-limit': { ...limitOptions['pids-limit'], default: DEFAULT_PIDS },
  ulimit: {
    type: 'strings',
    value: 'NAME=SOFT[:HARD]',
    describe: 'limit of each process, such as nofile=1024:4096, as setrlimit(2) knows it',
  },
  'caps-retain': { type: 'strings', value: 'CAP,...', describe: 'capabilities to keep, and no others' },
  'caps-remove': { type: 'strings', value: 'CAP,...', describe: 'capabilities to take from the default set' },
  seccomp: {
    type: 'string',
    value: 'mode=retain|remove[,errno=E],CALL,...',
    describe:
      'system calls to allow, or to take from the default filter; or profile=FILE, one of other engines, or unconfined',
  },
  'oom-score-adj': {
    type: 'number',
    value: 'N',
    default: 0,
    describe: 'preference of the out-of-memory killer, -1000 to 1000',
  },
} as const satisfies OptionTable;

/** All options, for help and man page. */
export const options = { ...podOptions, ...appOptions } as const satisfies OptionTable;
