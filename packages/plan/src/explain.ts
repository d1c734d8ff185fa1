// SPDX-License-Identifier: Apache-2.0
import { argumentsOf, type Op, type OperationName, type OpOf } from './op.ts';
import { quoteWhole } from './words.ts';

/**
 * A sentence for each operation.
 *
 * `{name}` stands for an argument; a part in brackets is left out if an argument in it is empty, none or 0.
 */
const sentences: Readonly<Record<OperationName, string>> = {
  open: 'Open {path} as descriptor {fd}[ with {flags}][, mode {mode}].',
  openat2: 'Open {path} beneath {dirfd} as descriptor {fd}[ with {flags}][, resolved with {resolve}].',
  target:
    'Open {path} as descriptor {fd}, with descriptor {rootfd} as the root directory; where it is missing, make it ({kind}).',
  close: 'Close descriptor {fd}.',
  close_range: 'Close the descriptors {first} to {last}[, with {flags}].',
  dup3: 'Make descriptor {newfd} a copy of descriptor {oldfd}[ with {flags}].',
  socketpair: 'Make a pair of connected sockets, descriptors {fd} and {peer}.',
  mkdir: 'Make the directory {path} with mode {mode}, unless it exists.',
  creat: 'Make the empty file {path} with mode {mode}.',
  mknod: 'Make the device node {path} ({type} {major}:{minor}) with mode {mode}.',
  symlink: 'Make the symbolic link {path}, which points to {target}.',
  chmod: 'Change the mode of {path} to {mode}.',
  lchown: 'Give {path} to user {uid} and group {gid}.',
  copy_xattrs: 'Give {to} the extended attributes of users that {from} has.',
  write: 'Write {text} to {path}.',
  flock: 'Lock descriptor {fd} with {operation}.',
  renameat2: 'Rename {oldpath} to {newpath}[ with {flags}].',
  fsync: 'Make what was written to descriptor {fd} durable.',
  unlink: 'Remove the file {path}.',
  rmdir: 'Remove the empty directory {path}.',
  chdir: 'Make {path} the working directory.',
  fchdir: 'Make the directory at descriptor {fd} the working directory.',
  chroot: 'Make {path} the root directory.',
  mount: 'Mount {fstype} from {source} on {target}[ with {flags}][, options {data}].',
  forget_volatile: 'Let the overlay with the work directory {workdir} be mounted again.',
  umount2: 'Unmount {target}[ with {flags}].',
  pivot_root: 'Make {new_root} the root mount and move the old one to {put_old}.',
  open_tree: 'Open the mount[ at {path}], from {dirfd}, as descriptor {fd}[ with {flags}].',
  mount_setattr:
    'Change the mount at descriptor {fd}[, {flags}][: set {attr_set}][; clear {attr_clr}][; make it {propagation}][; map ids as descriptor {userns_fd} does].',
  move_mount: 'Attach the mount at descriptor {from_fd} to {to_dirfd}[, path {to_path}].',
  fsopen: 'Begin a new {fstype} file system as descriptor {fd}.',
  fsconfig: 'Configure the file system at descriptor {fd}: {command}[ {key}][ = {value}].',
  fsmount: 'Mount the file system of descriptor {fsfd} as descriptor {fd}[ with {flags}][, {attributes}].',
  namespaces:
    'Make new {flags} namespaces and open them from descriptor {fd} on[; user ids map {uid_map}][; group ids map {gid_map}].',
  unshare: 'Move this process into new {flags} namespaces.',
  unshare_user: 'Move this process into a new user namespace[; user ids map {uid_map}][; group ids map {gid_map}].',
  setns: 'Enter the namespace of descriptor {fd}[ ({flags})].',
  pidfd_open: 'Open process {pid}, if it is {nspid} in its own namespace, as descriptor {fd}.',
  clone:
    'Go on in a child[ with new {flags} namespaces][, in the cgroup of descriptor {cgroup_fd}][; its start and end go to descriptor {status_fd}][; user ids map {uid_map}][; group ids map {gid_map}].',
  rmdir_after: 'When the next child has ended, remove the empty directory {path}.',
  sethostname: 'Set the host name to {name}.',
  setdomainname: 'Set the NIS domain name to {name}.',
  ioctl: 'Set {flags} on the network interface {interface}.',
  setsid: 'Start a new session.',
  umask: 'Set the file mode creation mask to {mode}.',
  setrlimit: 'Limit {resource} to {soft}, at most {hard}.',
  keyctl: 'Join a new session keyring[ named {name}].',
  setgroups: 'Have no supplementary groups.',
  setresgid: 'Become group {rgid} (effective {egid}, saved {sgid}).',
  setresuid: 'Become user {ruid} (effective {euid}, saved {suid}).',
  setfsuid: 'Make files and access files as user {uid}.',
  setfsgid: 'Make files and access files as group {gid}.',
  capbset: 'Never have another capability than {keep}.',
  capset: 'Have the capabilities {effective} (permitted {permitted}, inheritable {inheritable}).',
  prctl: 'Set the process attribute {option} to {value}.',
  seccomp: 'Filter system calls by the file {filter}[ with {flags}].',
  landlock_create_ruleset:
    'Begin a Landlock ruleset as descriptor {fd}[ over {access_fs}][; over {access_net}][; over {scoped}].',
  landlock_add_rule: 'Allow {access} beneath {path} in the ruleset {fd}.',
  landlock_add_port: 'Allow {access} on TCP port {port} in the ruleset {fd}.',
  landlock_restrict_self: 'Obey the ruleset {fd} from here on.',
  report: 'Report a failure to descriptor {fd} too.',
  terminal: 'If standard input is a terminal, relay it to the pseudoterminal that arrives on descriptor {fd}.',
  openpty: 'Open a pseudoterminal at {path}, send its master over descriptor {fd}, and use it as the terminal.',
  pipes: 'Put pipes between the terminal of the caller and the child.',
  keepenv: 'Keep {name} of the environment of the caller for the program.',
  seal: 'Be executed from a read-only mount, which no program of the pod can change.',
  setenv: 'Set {name} to {value} in the environment of the program.',
  run: 'Run {file} with the arguments {argv}, and wait until it has succeeded.',
  init: 'Make the first process of the pod, by {file}[, in the cgroup of descriptor {cgroup_fd}], and wait until it is there.',
  reap: 'Reap what nobody else does, until the pod ends.',
  app: 'Start the app {name} by {plan}[ in the cgroup of descriptor {cgroup_fd}], in the processes of the {pid_namespace}; {stop_signal} stops it, and it is started again: {restart}.',
  supervise:
    'Watch the apps until they have ended; when they are stopped, kill them after {grace_ms} ms[; the pod is ready when descriptor {status_fd} says so][; apps come and go by requests on descriptor {requests_fd}].',
  fexecve: 'Become the program that descriptor {fd} is open on, with the arguments {argv}.',
  exec: 'Become the program {file} with the arguments {argv}.',
};

/** What the operation does, in one sentence with its arguments filled in. */
export function explainOp(op: Op): string {
  return fill(sentenceOf(op), op);
}

function sentenceOf(op: Op): string {
  if (op.op === 'mount') return mountSentence(op);
  if (op.op === 'setgroups' && op.gids.length > 0) return 'Have the supplementary groups {gids}.';
  return sentences[op.op];
}

/** mount(2) is five operations in one; the flags say which. */
function mountSentence({ flags }: OpOf<'mount'>): string {
  if (flags.includes('MS_REMOUNT')) return 'Change the mount {target} to {flags}[, options {data}].';
  if (flags.includes('MS_BIND')) return 'Make {source} visible at {target} too, with {flags}.';
  if (flags.includes('MS_MOVE')) return 'Move the mount {source} to {target}.';
  const propagations = ['MS_PRIVATE', 'MS_SLAVE', 'MS_SHARED', 'MS_UNBINDABLE'];
  if (flags.some((flag) => propagations.includes(flag))) return 'Make the mount {target} {flags}.';
  return sentences.mount;
}

function fill(sentence: string, op: Op): string {
  const values: Readonly<Record<string, unknown>> = op;
  const kinds = new Map<string, string>(argumentsOf(op.op));
  const word = (name: string): string => show(kinds.get(name) ?? '', values[name]);
  const expand = (part: string): string =>
    part.replace(/\{(\w+)\}/g, (_, name: string) => word(name) || (kinds.get(name) === 'mode' ? '0000' : 'nothing'));
  const chosen = sentence.replace(/\[([^\]]*)\]/g, (_, part: string) => {
    const names = [...part.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    return names.every((name) => word(name) !== '') ? part : '';
  });
  return expand(chosen);
}

/** An argument in words; empty for none. */
function show(kind: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (kind === 'mode' && typeof value === 'number') return value === 0 ? '' : value.toString(8).padStart(4, '0');
  if (kind === 'idmap' && Array.isArray(value)) return value.map(showMapping).join(' and ');
  if (Array.isArray(value)) return showList(kind, value);
  if (typeof value === 'number' || typeof value === 'bigint')
    return kind === 'dirfd' ? `descriptor ${value}` : String(value);
  if (value === 'AT_FDCWD') return 'the working directory';
  if (typeof value !== 'string') return '';
  return kind.startsWith('one:') || kind === 'limit' || value === '' ? value : quoteWhole(value);
}

function showList(kind: string, values: readonly unknown[]): string {
  if (kind === 'strings') return values.map((value) => quoteWhole(String(value))).join(' ');
  if (kind === 'flags:namespaces')
    return values.map((value) => NAMESPACES.get(String(value)) ?? String(value)).join(', ');
  return values.map(String).join(kind === 'ids' ? ', ' : ' ');
}

const NAMESPACES: ReadonlyMap<string, string> = new Map([
  ['CLONE_NEWUSER', 'user'],
  ['CLONE_NEWNET', 'network'],
  ['CLONE_NEWUTS', 'host name'],
  ['CLONE_NEWIPC', 'IPC'],
  ['CLONE_NEWCGROUP', 'cgroup'],
  ['CLONE_NEWNS', 'mount'],
  ['CLONE_NEWPID', 'process'],
]);

function showMapping(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  if (!('inside' in value && 'outside' in value && 'count' in value)) return '';
  return `${String(value.count)} from ${String(value.inside)} to ${String(value.outside)} on`;
}
