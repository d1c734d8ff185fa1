// SPDX-License-Identifier: Apache-2.0
import { type PodManifest, type RuntimeConfig, type RuntimeMount } from '@rkt/formats';
import { mapsOfPod } from '@rkt/rootless';
import { type AppMount } from './app-mounts.ts';
import { deviceMountsOf, deviceNodesOf, requireApart } from './device-nodes.ts';
import { type Device } from './devices.ts';
import { type PrivateFile } from './names.ts';
import { maskedPaths, readOnlyPaths } from './paths.ts';
import { volumeMount } from './volume-mounts.ts';

/** What the runtime configuration of an app is made of. */
export interface AppSettings {
  readonly pod: Pick<
    PodManifest,
    'uuid' | 'hostname' | 'network' | 'ipc' | 'owner' | 'userNamespace' | 'volumes' | 'sysctls'
  >;
  /** Where the pod's directory will be while it runs. */
  readonly podPath: string;
  readonly name: string;
  readonly process: Pick<RuntimeConfig['process'], 'args' | 'env' | 'cwd' | 'capabilities' | 'oomScoreAdj'>;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly interactive: boolean;
  readonly readOnlyRoot: boolean;
  readonly resources: RuntimeConfig['linux']['resources'];
  readonly rlimits: RuntimeConfig['process']['rlimits'];
  readonly mounts: readonly AppMount[];
  readonly devices: readonly Device[];
  /** The volumes that the image itself names. */
  readonly imageVolumes: readonly string[];
  /** resolv.conf, hosts and hostname. */
  readonly files: readonly PrivateFile[];
  readonly seccomp: object | undefined;
  readonly unmasked: boolean;
  readonly annotations: Readonly<Record<string, string>>;
}

const KERNEL_MOUNTS: readonly RuntimeMount[] = [
  mount('/proc', 'proc', ['nosuid', 'nodev', 'noexec']),
  mount('/dev', 'tmpfs', ['nosuid', 'noexec', 'mode=0755', 'size=64k', 'nr_inodes=64']),
  mount('/dev/pts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
  mount('/dev/shm', 'tmpfs', ['nosuid', 'nodev', 'noexec', 'mode=1777', 'size=64m']),
  mount('/dev/mqueue', 'mqueue', ['nosuid', 'nodev', 'noexec']),
  mount('/sys', 'sysfs', ['nosuid', 'nodev', 'noexec', 'ro']),
];

const HOST_SYS = bind('/sys', '/sys', ['rbind', 'rro', 'nosuid', 'nodev', 'noexec']);

const SCRATCH: readonly RuntimeMount[] = ['/tmp', '/run', '/var/tmp'].map((path) => {
  return mount(path, 'tmpfs', ['nosuid', 'nodev', path === '/run' ? 'mode=0755' : 'mode=1777', 'size=50%']);
});

/** The OCI runtime configuration of an app: what `apps/NAME/config.json` says. */
export function runtimeConfig(settings: AppSettings): RuntimeConfig {
  const { pod, process, user } = settings;
  const devices = deviceNodesOf(pod, settings.devices);
  const mounts = mountsOf(settings);
  return {
    ociVersion: '1.0.2',
    root: { path: 'rootfs', readonly: settings.readOnlyRoot },
    hostname: pod.hostname,
    process: {
      terminal: settings.interactive,
      user: { uid: user.uid, gid: user.gid, umask: 0o022, additionalGids: user.groups },
      ...process,
      rlimits: settings.rlimits,
      noNewPrivileges: true,
    },
    mounts,
    annotations: settings.annotations,
    linux: {
      namespaces: namespacesOf(pod),
      ...mappingsOf(pod),
      ...(devices.length === 0 ? {} : { devices }),
      cgroupsPath: `/rkt/${pod.uuid}/app-${settings.name}`,
      resources: settings.resources,
      ...(pod.sysctls === undefined ? {} : { sysctl: pod.sysctls }),
      maskedPaths: settings.unmasked ? [] : maskedPaths(seesHost(pod) ? CGROUPS : []),
      readonlyPaths: settings.unmasked ? [] : readOnlyPaths(),
      rootfsPropagation: propagationOf(mounts),
      ...(settings.seccomp === undefined ? {} : { seccomp: settings.seccomp }),
    },
  };
}

/** A runtime that makes the mounts of its namespace private first has nothing left that a mount could get from the host. */
function propagationOf(mounts: readonly RuntimeMount[]): string {
  const found = ['rshared', 'rslave'].find((propagation) =>
    mounts.some(({ options }) => options.includes(propagation)),
  );
  return found ?? 'private';
}

// The cgroups of the host come with its sys.
const CGROUPS: readonly string[] = ['/sys/fs/cgroup'];

/** Only who owns a network may mount the sys that shows it: without root, pods in that of the host see the host's own. */
function seesHost({ owner, network }: AppSettings['pod']): boolean {
  return owner !== undefined && network === 'host';
}

function kernelMounts(pod: AppSettings['pod']): RuntimeMount[] {
  const { userNamespace: range } = pod;
  // A pod of a user with few ids may have no group for terminals: then they have that of whoever opens them.
  const has = (option: string) => !('count' in range) || option !== 'gid=5' || range.count > 5;
  return KERNEL_MOUNTS.map((kernel) =>
    seesHost(pod) && kernel.type === 'sysfs' ? HOST_SYS : { ...kernel, options: kernel.options.filter(has) },
  );
}

function mappingsOf(pod: AppSettings['pod']): Pick<RuntimeConfig['linux'], 'uidMappings' | 'gidMappings'> {
  const { owner, userNamespace } = pod;
  if (!('first' in userNamespace)) return {};
  const own = [{ inside: 0, outside: userNamespace.first, count: userNamespace.count }];
  const { uid, gid } = owner === undefined ? { uid: own, gid: own } : mapsOfPod(owner, pod);
  const print = (map: typeof uid) =>
    map.map(({ inside, outside, count }) => ({ containerID: inside, hostID: outside, size: count }));
  return { uidMappings: print(uid), gidMappings: print(gid) };
}

function namespacesOf(pod: AppSettings['pod']): { type: string }[] {
  const user = 'first' in pod.userNamespace ? ['user'] : [];
  const network = pod.network === 'none' ? ['network'] : [];
  const ipc = pod.ipc === 'host' ? [] : ['ipc'];
  return [...user, ...network, 'pid', ...ipc, 'uts', 'mount', 'cgroup'].map((type) => ({ type }));
}

function mountsOf(settings: AppSettings): RuntimeMount[] {
  const { mounts, pod } = settings;
  // What lies below a volume is that of the volume: nothing is put into it that nobody asked for.
  const isFree = (path: string) => mounts.every(({ target }) => path !== target && !path.startsWith(`${target}/`));
  const volumes = mounts.map((appMount) => volumeMount(settings, appMount));
  requireApart(volumes, settings.devices);
  const tree = [
    ...(settings.readOnlyRoot ? SCRATCH : []).filter(({ destination }) => isFree(destination)),
    ...settings.imageVolumes.filter(isFree).map(imageVolume),
    ...settings.files
      .filter(({ target }) => isFree(target))
      .map(({ source, target }) => bind(source, target, ['bind', 'ro', 'nosuid', 'nodev', 'file'])),
    ...volumes.filter(({ destination }) => !isInDev(destination)),
  ];
  return [
    ...kernelMounts(pod)
      .filter(({ destination }) => isFree(destination))
      .map((kernel) => (kernel.destination === '/dev' ? roomFor(settings.devices.length, kernel) : kernel)),
    // A mount hides what was mounted below it before: so the outer ones come first, whatever the order of the options.
    ...tree.toSorted((one, other) => depthOf(one) - depthOf(other)),
    ...volumes.filter(({ destination }) => isInDev(destination)),
    ...deviceMountsOf(pod, settings.devices),
  ];
}

/** A directory and a node for each device that /dev does not have anyway. */
function roomFor(devices: number, dev: RuntimeMount): RuntimeMount {
  const inodes = (option: string) =>
    option.replace(/^nr_inodes=(\d+)$/, (_, few: string) => `nr_inodes=${Number(few) + 4 * devices}`);
  return devices === 0 ? dev : { ...dev, options: dev.options.map(inodes) };
}

function isInDev(path: string): boolean {
  return path.startsWith('/dev/');
}

function depthOf({ destination }: RuntimeMount): number {
  return destination.split('/').length;
}

/** A directory of the image that is a volume: the same directory, writable also in a read-only root. */
function imageVolume(path: string): RuntimeMount {
  return bind(`rootfs${path}`, path, ['rbind', 'nosuid', 'nodev']);
}

function bind(source: string, destination: string, options: readonly string[]): RuntimeMount {
  return { destination, type: 'bind', source, options };
}

function mount(destination: string, type: string, options: readonly string[]): RuntimeMount {
  return { destination, type, source: type, options };
}
