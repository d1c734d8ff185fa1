// SPDX-License-Identifier: Apache-2.0
/* oxlint-disable max-lines -- one table, and only data */
import type { FlagSet } from './flags.ts';

/**
 * How an argument is written:
 * - `fd`: a descriptor that an earlier line opened or this line opens, 0 to 63; the plan's author chooses the number;
 * - `dirfd`: an `fd`, or `AT_FDCWD`;
 * - `fd?`: an `fd`, or `-` for none;
 * - `path`: 1 to 4095 bytes; `file`: the name, 1 to 255 bytes without `/` and not `.` or `..`, of a file beside the plan,
 *   read before the first operation;
 * - `text`: any string, also the empty one; `strings`: the rest of the line, each one a string;
 * - `mode`: octal; `uint`: decimal below 2^32; `limit`: decimal below 2^64 or `RLIM_INFINITY`;
 * - `id`: a user or group id, decimal, 0 to 2^32-2; `ids`: the rest of the line, each one an id;
 * - `idmap`: 1 to 340 `INSIDE:OUTSIDE:COUNT` joined by commas, two ids and a `uint` above 0, or `-` for none;
 * - `flags:SET`: names of the set joined by `|`, or `0`; `one:SET`: exactly one name of the set.
 */
export type ArgumentKind =
  | 'fd'
  | 'dirfd'
  | 'fd?'
  | 'path'
  | 'file'
  | 'text'
  | 'strings'
  | 'mode'
  | 'uint'
  | 'limit'
  | 'id'
  | 'ids'
  | 'idmap'
  | `flags:${FlagSet}`
  | `one:${FlagSet}`;

/** One argument of an operation: its name in code and documentation, and how it is written. */
export type Argument = readonly [name: string, kind: ArgumentKind];

/** One row of the table: the arguments in order, the manual page to read, and one sentence of what happens. */
export interface Operation {
  readonly args: readonly Argument[];
  readonly see: string;
  readonly text: string;
}

/**
 * Every operation of the plan language.
 *
 * This table is the only list: the C dispatch of stage1, the type `Op` and the section OPERATIONS of rkt-plan(5) are made from it.
 * The order is that of the manual page.
 */
export const operations = {
  // Files
  open: {
    args: [
      ['fd', 'fd'],
      ['path', 'path'],
      ['flags', 'flags:open'],
      ['mode', 'mode'],
    ],
    see: 'open(2)',
    text: 'Opens the path as the given descriptor, which is replaced if it is open.',
  },
  openat2: {
    args: [
      ['fd', 'fd'],
      ['dirfd', 'dirfd'],
      ['path', 'path'],
      ['flags', 'flags:open'],
      ['resolve', 'flags:resolve'],
    ],
    see: 'openat2(2)',
    text: 'Opens the path below the directory descriptor, resolved as the last argument restricts.',
  },
  target: {
    args: [
      ['fd', 'fd'],
      ['rootfd', 'fd'],
      ['path', 'path'],
      ['kind', 'one:kind'],
    ],
    see: 'openat2(2)',
    text: 'Opens the path with O_PATH as if the root descriptor were the root directory, never following a magic link or leaving it; missing directories are made with mode 0755, and a missing last component as a directory or an empty file.',
  },
  close: { args: [['fd', 'fd']], see: 'close(2)', text: 'Closes the descriptor.' },
  close_range: {
    args: [
      ['first', 'uint'],
      ['last', 'uint'],
      ['flags', 'flags:closeRange'],
    ],
    see: 'close_range(2)',
    text: 'Closes every descriptor of the range, or marks it close-on-exec.',
  },
  dup3: {
    args: [
      ['oldfd', 'fd'],
      ['newfd', 'fd'],
      ['flags', 'flags:open'],
    ],
    see: 'dup3(2)',
    text: 'Makes the second descriptor a copy of the first.',
  },
  socketpair: {
    args: [
      ['fd', 'fd'],
      ['peer', 'fd'],
    ],
    see: 'socketpair(2)',
    text: 'Makes a connected pair of close-on-exec Unix sequenced-packet sockets.',
  },
  mkdir: {
    args: [
      ['path', 'path'],
      ['mode', 'mode'],
    ],
    see: 'mkdir(2)',
    text: 'Makes the directory with exactly this mode; one that exists already is accepted as it is, anything else there is an error.',
  },
  creat: {
    args: [
      ['path', 'path'],
      ['mode', 'mode'],
    ],
    see: 'creat(2)',
    text: 'Makes an empty regular file with exactly this mode; fails if the path exists.',
  },
  mknod: {
    args: [
      ['path', 'path'],
      ['type', 'one:device'],
      ['mode', 'mode'],
      ['major', 'uint'],
      ['minor', 'uint'],
    ],
    see: 'mknod(2)',
    text: 'Makes a device node with exactly this mode.',
  },
  symlink: {
    args: [
      ['target', 'path'],
      ['path', 'path'],
    ],
    see: 'symlink(2)',
    text: 'Makes a symbolic link.',
  },
  chmod: {
    args: [
      ['path', 'path'],
      ['mode', 'mode'],
    ],
    see: 'fchmodat2(2)',
    text: 'Changes the mode of the path, whose last component must not be a symbolic link.',
  },
  lchown: {
    args: [
      ['path', 'path'],
      ['uid', 'id'],
      ['gid', 'id'],
    ],
    see: 'lchown(2)',
    text: 'Changes the owner of the path itself.',
  },
  copy_xattrs: {
    args: [
      ['from', 'path'],
      ['to', 'path'],
    ],
    see: 'xattr(7)',
    text: 'Gives the second file or directory the extended attributes of users (user.*) that the first one has, but for those that overlayfs keeps there (user.overlay.*).',
  },
  write: {
    args: [
      ['path', 'path'],
      ['text', 'text'],
    ],
    see: 'write(2)',
    text: 'Writes the text to an existing file in one call; a short write is an error. Made for files of cgroups and of proc.',
  },
  flock: {
    args: [
      ['fd', 'fd'],
      ['operation', 'flags:flock'],
    ],
    see: 'flock(2)',
    text: 'Locks the open file; with LOCK_NB a lock that somebody holds ends stage1 with status 75.',
  },
  renameat2: {
    args: [
      ['oldpath', 'path'],
      ['newpath', 'path'],
      ['flags', 'flags:rename'],
    ],
    see: 'renameat2(2)',
    text: 'Renames a file or directory.',
  },
  fsync: { args: [['fd', 'fd']], see: 'fsync(2)', text: 'Makes what was written through the descriptor durable.' },
  unlink: { args: [['path', 'path']], see: 'unlink(2)', text: 'Removes a file.' },
  rmdir: { args: [['path', 'path']], see: 'rmdir(2)', text: 'Removes an empty directory.' },
  chdir: {
    args: [['path', 'path']],
    see: 'chdir(2)',
    text: 'Changes the working directory; a result outside the root directory is an error.',
  },
  fchdir: { args: [['fd', 'fd']], see: 'fchdir(2)', text: 'Changes the working directory to the open directory.' },
  chroot: { args: [['path', 'path']], see: 'chroot(2)', text: 'Changes the root directory.' },

  // Mounts
  mount: {
    args: [
      ['source', 'text'],
      ['target', 'path'],
      ['fstype', 'text'],
      ['flags', 'flags:mount'],
      ['data', 'text'],
    ],
    see: 'mount(2)',
    text: 'Mounts a file system, binds a path, or changes flags or propagation of a mount.',
  },
  forget_volatile: {
    args: [['workdir', 'path']],
    see: 'https://docs.kernel.org/filesystems/overlayfs.html',
    text: 'Removes the mark of a volatile overlay from its work directory, if it is there: the next mount of the same directories is not refused. Made for apps that are started more than once.',
  },
  umount2: {
    args: [
      ['target', 'path'],
      ['flags', 'flags:umount'],
    ],
    see: 'umount2(2)',
    text: 'Unmounts; `.` also what is mounted over the root directory, as the old root is after pivot_root.',
  },
  pivot_root: {
    args: [
      ['new_root', 'path'],
      ['put_old', 'path'],
    ],
    see: 'pivot_root(2)',
    text: 'Makes the first path the root mount and moves the old root to the second; `.` for both stacks them.',
  },
  open_tree: {
    args: [
      ['fd', 'fd'],
      ['dirfd', 'dirfd'],
      ['path', 'text'],
      ['flags', 'flags:openTree'],
    ],
    see: 'open_tree(2)',
    text: 'Opens a mount, or with OPEN_TREE_CLONE a detached copy of it.',
  },
  mount_setattr: {
    args: [
      ['fd', 'fd'],
      ['flags', 'flags:atRecursive'],
      ['attr_set', 'flags:mountAttr'],
      ['attr_clr', 'flags:mountAttr'],
      ['propagation', 'flags:propagation'],
      ['userns_fd', 'fd?'],
    ],
    see: 'mount_setattr(2)',
    text: 'Changes attributes of the opened mount; MOUNT_ATTR_IDMAP takes its mapping from the user namespace descriptor.',
  },
  move_mount: {
    args: [
      ['from_fd', 'fd'],
      ['to_dirfd', 'dirfd'],
      ['to_path', 'text'],
    ],
    see: 'move_mount(2)',
    text: 'Attaches the detached mount at the path below the directory descriptor, or with an empty path on the descriptor itself.',
  },
  fsopen: {
    args: [
      ['fd', 'fd'],
      ['fstype', 'text'],
    ],
    see: 'fsopen(2)',
    text: 'Opens a configuration of a new file system.',
  },
  fsconfig: {
    args: [
      ['fd', 'fd'],
      ['command', 'one:fsconfig'],
      ['key', 'text'],
      ['value', 'text'],
    ],
    see: 'fsconfig(2)',
    text: 'Sets a parameter of the new file system, or creates it; key and value are empty where the command takes none.',
  },
  fsmount: {
    args: [
      ['fd', 'fd'],
      ['fsfd', 'fd'],
      ['flags', 'flags:fsmount'],
      ['attributes', 'flags:mountAttr'],
    ],
    see: 'fsmount(2)',
    text: 'Makes a detached mount of the configured file system.',
  },

  // Namespaces and processes
  namespaces: {
    args: [
      ['flags', 'flags:namespaces'],
      ['fd', 'fd'],
      ['uid_map', 'idmap'],
      ['gid_map', 'idmap'],
    ],
    see: 'namespaces(7)',
    text: 'Makes new namespaces without entering them and opens them as consecutive descriptors from fd on, in the order user, net, uts, ipc, cgroup; a new user namespace gets the maps and owns the others.',
  },
  unshare: {
    args: [['flags', 'flags:namespaces']],
    see: 'unshare(2)',
    text: 'Moves this process into new namespaces.',
  },
  unshare_user: {
    args: [
      ['uid_map', 'idmap'],
      ['gid_map', 'idmap'],
    ],
    see: 'user_namespaces(7)',
    text: 'Moves this process into a new user namespace with these maps, for users without privileges. A map of nothing but the own id is written by this process, which then may not change its groups any more; any other by /usr/bin/newuidmap or /usr/bin/newgidmap, which grant what /etc/subuid and /etc/subgid say.',
  },
  setns: {
    args: [
      ['fd', 'fd'],
      ['flags', 'flags:namespaces'],
    ],
    see: 'setns(2)',
    text: 'Moves this process into the namespace, or with a pid descriptor into those namespaces of that process.',
  },
  pidfd_open: {
    args: [
      ['fd', 'fd'],
      ['pid', 'uint'],
      ['nspid', 'uint'],
    ],
    see: 'pidfd_open(2)',
    text: 'Opens the process, which must have the second number as its pid in its own pid namespace; so a pid that was used again is refused.',
  },
  clone: {
    args: [
      ['flags', 'flags:namespaces'],
      ['cgroup_fd', 'fd?'],
      ['status_fd', 'fd?'],
      ['uid_map', 'idmap'],
      ['gid_map', 'idmap'],
    ],
    see: 'clone3(2)',
    text: 'Goes on in a child in new namespaces and in the cgroup; the parent writes the maps, forwards signals, relays the terminal, waits, records the start and the end in the status descriptor, and exits as the child did.',
  },
  rmdir_after: {
    args: [['path', 'path']],
    see: 'rmdir(2)',
    text: 'When the child of the next clone or the init has ended, its parent removes the empty directory, in the order of these lines; what is busy for longer than a moment, or cannot be removed, is left without a word. Made for cgroups.',
  },
  sethostname: { args: [['name', 'text']], see: 'sethostname(2)', text: 'Sets the host name.' },
  setdomainname: { args: [['name', 'text']], see: 'setdomainname(2)', text: 'Sets the NIS domain name.' },
  ioctl: {
    args: [
      ['interface', 'text'],
      ['flags', 'flags:interfaceFlag'],
    ],
    see: 'netdevice(7)',
    text: 'SIOCSIFFLAGS: sets the flags of the network interface in addition to those it has.',
  },

  // Restrictions
  setsid: { args: [], see: 'setsid(2)', text: 'Starts a new session.' },
  umask: { args: [['mode', 'mode']], see: 'umask(2)', text: 'Sets the file mode creation mask.' },
  setrlimit: {
    args: [
      ['resource', 'one:resource'],
      ['soft', 'limit'],
      ['hard', 'limit'],
    ],
    see: 'prlimit(2)',
    text: 'Sets a resource limit; a hard limit above the current one, which needs CAP_SYS_RESOURCE, becomes the current one if that is missing.',
  },
  keyctl: {
    args: [
      ['operation', 'one:keyctl'],
      ['name', 'text'],
    ],
    see: 'keyctl(2)',
    text: 'Joins a new session keyring; an empty name makes an anonymous one.',
  },
  setgroups: {
    args: [['gids', 'ids']],
    see: 'setgroups(2)',
    text: 'Sets the supplementary groups, none if none is given.',
  },
  setresgid: {
    args: [
      ['rgid', 'id'],
      ['egid', 'id'],
      ['sgid', 'id'],
    ],
    see: 'setresgid(2)',
    text: 'Sets the group ids.',
  },
  setresuid: {
    args: [
      ['ruid', 'id'],
      ['euid', 'id'],
      ['suid', 'id'],
    ],
    see: 'setresuid(2)',
    text: 'Sets the user ids.',
  },
  setfsuid: {
    args: [['uid', 'id']],
    see: 'setfsuid(2)',
    text: 'Sets the user id of new files and of access checks, keeping all capabilities (SECBIT_NO_SETUID_FIXUP is set for it).',
  },
  setfsgid: {
    args: [['gid', 'id']],
    see: 'setfsgid(2)',
    text: 'Sets the group id of new files and of access checks.',
  },
  capbset: {
    args: [['keep', 'flags:capability']],
    see: 'capabilities(7)',
    text: 'Drops every other capability from the bounding set, and reads the set back.',
  },
  capset: {
    args: [
      ['effective', 'flags:capability'],
      ['permitted', 'flags:capability'],
      ['inheritable', 'flags:capability'],
    ],
    see: 'capset(2)',
    text: 'Sets the capability sets, less what this process does not have, and reads them back.',
  },
  prctl: {
    args: [
      ['option', 'one:prctl'],
      ['value', 'uint'],
    ],
    see: 'prctl(2)',
    text: 'Sets an attribute of this process.',
  },
  seccomp: {
    args: [
      ['flags', 'flags:seccomp'],
      ['filter', 'file'],
    ],
    see: 'seccomp(2)',
    text: 'Installs the filter: an array of struct sock_filter in the byte order of the machine, at most 4096.',
  },
  landlock_create_ruleset: {
    args: [
      ['fd', 'fd'],
      ['access_fs', 'flags:landlockFs'],
      ['access_net', 'flags:landlockNet'],
      ['scoped', 'flags:landlockScope'],
    ],
    see: 'landlock_create_ruleset(2)',
    text: 'Opens a ruleset that handles these rights.',
  },
  landlock_add_rule: {
    args: [
      ['fd', 'fd'],
      ['access', 'flags:landlockFs'],
      ['path', 'path'],
    ],
    see: 'landlock_add_rule(2)',
    text: 'Allows these rights beneath the path; on a file those that files can have.',
  },
  landlock_add_port: {
    args: [
      ['fd', 'fd'],
      ['access', 'flags:landlockNet'],
      ['port', 'uint'],
    ],
    see: 'landlock_add_rule(2)',
    text: 'Allows these rights on the TCP port.',
  },
  landlock_restrict_self: {
    args: [['fd', 'fd']],
    see: 'landlock_restrict_self(2)',
    text: 'Enforces the ruleset on this process from here on.',
  },

  // Input, output, reports
  report: {
    args: [['fd', 'fd']],
    see: 'write(2)',
    text: 'From here on, the line that says which operation failed is written to this descriptor too.',
  },
  terminal: {
    args: [['fd', 'fd']],
    see: 'pty(7)',
    text: 'If standard input is a terminal: the parent of the next clone or init relays between that terminal and the pseudoterminal that it receives over this socket. Otherwise nothing, and the matching openpty does nothing.',
  },
  openpty: {
    args: [
      ['path', 'path'],
      ['fd', 'fd'],
    ],
    see: 'pty(7)',
    text: 'Opens a pseudoterminal by the multiplexer at the path, sends its master over the socket, starts a session, and makes the terminal its controlling terminal and standard input, output and error.',
  },
  pipes: {
    args: [],
    see: 'pipe(2)',
    text: 'Makes standard output and standard error pipes that everybody may open again: pipes of the caller get mode 0666; terminals, files and sockets are replaced by pipes that the parent of the next clone or init copies to them. So no terminal of the caller reaches the child; devices stay.',
  },

  // Control
  seal: {
    args: [],
    see: 'open_tree(2)',
    text: "Executes stage1 anew, with its own arguments, from a read-only mount of its file that is nowhere attached, unless it is executed from one already: what a program of the pod finds as /proc/PID/exe can then be changed by nobody. The first line of a plan whose pod has the host's user ids.",
  },
  setenv: {
    args: [
      ['name', 'text'],
      ['value', 'text'],
    ],
    see: 'environ(7)',
    text: 'Adds a variable to the environment of the next run or exec; the environment is empty at first.',
  },
  keepenv: {
    args: [['name', 'text']],
    see: 'environ(7)',
    text: 'Adds the variable of the caller to the environment of the next run or exec, if the caller has it; `*` stands for all.',
  },
  run: {
    args: [
      ['file', 'path'],
      ['argv', 'strings'],
    ],
    see: 'execve(2)',
    text: 'Runs the program, given by an absolute path, and waits for it; fails if it fails.',
  },
  init: {
    args: [
      ['file', 'file'],
      ['cgroup_fd', 'fd?'],
      ['status_fd', 'fd?'],
    ],
    see: 'pid_namespaces(7)',
    text: 'Makes the first process of a new pid namespace, in the cgroup, and records its start; it executes the plan in the file and dies with this process. Goes on when it has come to reap.',
  },
  reap: {
    args: [],
    see: 'wait(2)',
    text: 'The last line of the plan of init: reaps what nobody else does, and ends the pod when the process that made it has ended.',
  },
  app: {
    args: [
      ['name', 'text'],
      ['plan', 'path'],
      ['cgroup_fd', 'fd?'],
      ['stop_signal', 'one:signal'],
      ['pid_namespace', 'one:pidNamespace'],
      ['restart', 'one:restart'],
      ['restarts', 'uint'],
    ],
    see: 'rkt-plan(5)',
    text: "Starts a process in the cgroup and the pid namespace: the pod's, one of its own, or that of this process. It executes the plan, a path relative to this one; its starts and ends go to the file `status` beside that plan. When it has ended it is started anew as `restart` says, at most so often; 0 is without limit.",
  },
  supervise: {
    args: [
      ['grace_ms', 'uint'],
      ['status_fd', 'fd?'],
      ['requests_fd', 'fd?'],
    ],
    see: 'rkt-plan(5)',
    text: 'Supervises the apps until all have ended, or until one has failed and the others are stopped: writes their status, starts them anew, relays output, and on SIGTERM stops the apps in the reverse order of their start, each with its stop signal and after the grace period with SIGKILL. Then it ends init, writes the status, and exits. With a fifo for requests apps come and go, and it ends on SIGTERM only.',
  },
  exec: {
    args: [
      ['file', 'text'],
      ['argv', 'strings'],
    ],
    see: 'execvpe(3)',
    text: 'Executes the program; a name without a slash is searched in the PATH that setenv gave. The last line of a plan.',
  },
  fexecve: {
    args: [
      ['fd', 'fd'],
      ['argv', 'strings'],
    ],
    see: 'fexecve(3)',
    text: 'Executes the program that the descriptor is open on, wherever its file lies. The last line of a plan.',
  },
} as const satisfies Record<string, Operation>;
