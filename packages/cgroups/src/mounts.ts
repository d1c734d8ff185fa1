// SPDX-License-Identifier: Apache-2.0

/** A hierarchy of cgroups as one line of /proc/PID/mountinfo shows it. */
export interface CgroupMount {
  readonly version: 1 | 2;
  readonly mount: string;
  /** The cgroup of the hierarchy that is mounted: `/` is its root, or the root of the cgroup namespace. */
  readonly root: string;
  readonly writable: boolean;
  /** The controllers of a v1 hierarchy; for v2 they stand in `cgroup.controllers`. */
  readonly controllers: readonly string[];
}

// The options of a v1 mount are its controllers between options that are none (`rw,xattr,name=systemd`). An unknown
// controller is of no use here, so the known ones are named: cgroups(7).
const CONTROLLERS: ReadonlySet<string> = new Set([
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'devices',
  'freezer',
  'net_cls',
  'blkio',
  'perf_event',
  'net_prio',
  'hugetlb',
  'pids',
  'rdma',
  'misc',
]);

interface Line {
  readonly root: string;
  readonly mount: string;
  readonly options: readonly string[];
  readonly type: string;
  readonly superOptions: readonly string[];
}

/** The cgroup hierarchies among the mounts, in the order of the file; what a later mount hides is left out. */
export function cgroupMounts(mountinfo: string): CgroupMount[] {
  const lines = mountinfo.split('\n').flatMap(parseLine);
  // What is mounted over the root directory hides nothing from a process that had it as its root before.
  const isHidden = ({ mount }: Line, index: number) =>
    lines
      .slice(index + 1)
      .some((later) => later.mount !== '/' && (mount === later.mount || mount.startsWith(`${later.mount}/`)));
  return lines.flatMap((line, index) => {
    const { mount, root, options, type, superOptions } = line;
    if ((type !== 'cgroup' && type !== 'cgroup2') || isHidden(line, index)) return [];
    return {
      version: type === 'cgroup2' ? 2 : 1,
      mount,
      root,
      writable: !options.includes('ro') && !superOptions.includes('ro'),
      controllers: type === 'cgroup' ? superOptions.filter((option) => CONTROLLERS.has(option)) : [],
    };
  });
}

// "36 35 98:0 /root /mount rw,noatime master:1 - type source rw,option": proc_pid_mountinfo(5).
function parseLine(text: string): Line[] {
  const words = text.split(' ');
  const separator = words.indexOf('-', 6);
  const [root, mount, options] = words.slice(3, 6);
  const [type, , superOptions] = words.slice(separator + 1);
  if (separator === -1 || root === undefined || mount === undefined || options === undefined) return [];
  if (type === undefined || superOptions === undefined) return [];
  return [
    {
      root: unescape(root),
      mount: unescape(mount),
      options: options.split(','),
      type,
      superOptions: superOptions.split(','),
    },
  ];
}

/** The kernel escapes bytes, not characters: a name may be any bytes, so they are put together before decoding. */
function unescape(text: string): string {
  if (!text.includes('\\')) return text;
  const bytes = Buffer.from(text).toString('latin1');
  const decoded = bytes.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return Buffer.from(decoded, 'latin1').toString();
}
