// SPDX-License-Identifier: Apache-2.0
import { readHierarchies, type Hierarchies } from '../src/index.ts';

/** The mounts of a machine with v1 only, cpu and cpuacct mounted together. */
export const V1 = `\
22 28 0:20 / /proc rw,nosuid - proc proc rw
23 28 0:21 / /sys rw,nosuid - sysfs sysfs rw
28 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw
31 23 0:28 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
32 31 0:29 / /sys/fs/cgroup/systemd rw,nosuid shared:6 - cgroup cgroup rw,xattr,release_agent=/lib/systemd/agent,name=systemd
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:7 - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,nosuid shared:8 - cgroup cgroup rw,cpuset,clone_children
35 31 0:32 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/blkio rw,nosuid shared:10 - cgroup cgroup rw,blkio
37 31 0:34 / /sys/fs/cgroup/pids rw,nosuid shared:11 - cgroup cgroup rw,pids
`;

/** The mounts of a machine with some controllers on v1 and the v2 hierarchy beside them, in unusual places. */
export const HYBRID = `\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 27 0:30 / /cg/cpu rw,relatime - cgroup none rw,cpu
41 27 0:31 / /cg/memory rw,relatime - cgroup none rw,memory
42 27 0:32 / /cg/with\\040space rw,relatime - cgroup none rw,pids
43 27 0:38 / /cg/v2 rw,relatime - cgroup2 none rw
`;

/** The mounts of a machine with v2 only. */
export const V2 = `\
24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
30 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
36 24 0:31 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
`;

/** The mounts inside a container on a v1 machine: its own cgroup read-only, and one hierarchy that it may write to. */
export const CONTAINER = `\
300 250 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/l
310 300 0:61 / /sys ro,nosuid - sysfs sysfs ro
311 310 0:62 / /sys/fs/cgroup rw,nosuid - tmpfs tmpfs rw,mode=755
312 311 0:29 /docker/0a1b /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory
313 311 0:30 /docker/0a1b /sys/fs/cgroup/pids rw,nosuid - cgroup cgroup rw,pids
314 300 0:30 / /host/pids rw,nosuid - cgroup cgroup rw,pids
`;

/** A machine with v1 only. */
export function v1(): Hierarchies {
  return readHierarchies({
    mountinfo: V1,
    controllers: '',
    cpusetRoot: { 'cpuset.cpus': '0-7', 'cpuset.mems': '0' },
  });
}

/** A machine with v2 only. */
export function v2(): Hierarchies {
  return readHierarchies({ mountinfo: V2, controllers: 'cpuset cpu io memory hugetlb pids rdma misc\n' });
}

/** A machine with cpu, memory and pids on v1 and cpuset and hugetlb on v2. */
export function hybrid(): Hierarchies {
  return readHierarchies({ mountinfo: HYBRID, controllers: 'cpuset hugetlb\n' });
}
