// SPDX-License-Identifier: Apache-2.0
import { type PodManifest, type RuntimeConfig, type RuntimeMount } from '@rkt/formats';
import { type PrivateFile } from './names.ts';
import { maskedPaths, readOnlyPaths } from './paths.ts';
import { type AppMount } from './volumes.ts';
import { mapsOfPod } from '@rkt/rootless';

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

const HOST_SYS = bind('/sys', '/sys', ['rbind', 'ro', 'nosuid', 'nodev', 'noexec']);

const SCRATCH: readonly RuntimeMount[] = ['/tmp', '/run', '/var/tmp'].map((path) => {
  return mount(path, 'tmpfs', ['nosuid', 'nodev', path === '/run' ? 'mode=0755' : 'mode=1777', 'size=50%']);
});

/** The OCI runtime configuration of an app: what `apps/NAME/config.json` says. */
export function runtimeConfig(settings: AppSettings): RuntimeConfig {
  const { pod, process, user } = settings;
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
    mounts: mountsOf(settings),
    annotations: settings.annotations,
    linux: {
      namespaces: namespacesOf(pod),
      ...mappingsOf(pod),
      cgroupsPath: `/rkt/${pod.uuid}/app-${settings.name}`,
      resources: settings.resources,
      ...(pod.sysctls === undefined ? {} : { sysctl: pod.sysctls }),
      maskedPaths: settings.unmasked ? [] : maskedPaths(seesHost(pod) ? CGROUPS : []),
      readonlyPaths: settings.unmasked ? [] : readOnlyPaths(),
      rootfsPropagation: 'private',
      ...(settings.seccomp === undefined ? {} : { seccomp: settings.seccomp }),
    },
  };
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
  const mounted = new Set(settings.mounts.map(({ target }) => target));
  const scratch = settings.readOnlyRoot ? SCRATCH.filter(({ destination }) => !mounted.has(destination)) : [];
  const volumes = settings.imageVolumes.filter((path) => !mounted.has(path)).map(imageVolume);
  const files = settings.files.filter(({ target }) => !mounted.has(target));
  return [
    ...kernelMounts(settings.pod),
    ...scratch,
    ...volumes,
    ...files.map(({ source, target }) => bind(source, target, ['rbind', 'ro', 'nosuid', 'nodev', 'file'])),
    ...settings.mounts.map((appMount) => volumeMount(settings, appMount)),
  ];
}

/** A directory of the image that is a volume: the same directory, writable also in a read-only root. */
function imageVolume(path: string): RuntimeMount {
  return bind(`rootfs${path}`, path, ['rbind', 'nosuid', 'nodev']);
}

function volumeMount({ pod, podPath }: AppSettings, { volume, target, readOnly }: AppMount): RuntimeMount {
  const found = pod.volumes.find(({ name }) => name === volume);
  if (found === undefined) throw new Error(`volume ${volume} was not checked`);
  const recursive = found.kind === 'host' && found.recursive;
  // Without root, no file system can be mapped: files of the host keep the ids that they have.
  const mapped = 'first' in pod.userNamespace && pod.owner === undefined ? [recursive ? 'ridmap' : 'idmap'] : [];
  const file = found.kind === 'host' && found.isFile ? ['file'] : [];
  return bind(found.kind === 'host' ? found.source : `${podPath}/volumes/${volume}`, target, [
    recursive ? 'rbind' : 'bind',
    'nosuid',
    'nodev',
    ...(readOnly ? ['ro'] : []),
    ...mapped,
    ...file,
  ]);
}

function bind(source: string, destination: string, options: readonly string[]): RuntimeMount {
  return { destination, type: 'bind', source, options };
}

function mount(destination: string, type: string, options: readonly string[]): RuntimeMount {
  return { destination, type, source: type, options };
}
