// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { exists, namesIn, readRegular, readText, renameDurably, renameUnsynced, tryLock, type Lock } from '@rkt/files';
import { parsePod, parseStatus, type PodManifest, type Status } from '@rkt/formats';
import { isPodUuid, isUuidPrefix, printable, type PodUuid } from '@rkt/names';
import { claim } from './claim.ts';
import { PHASES, type Phase } from './phase.ts';

/** A pod on disk: its name, and where its directory lay when it was looked at. */
export interface Pod {
  readonly uuid: PodUuid;
  readonly phase: Phase;
  readonly path: string;
}

/** Phases that listings show and prefixes match; embryos and garbage are nobody's business but gc's. */
const VISIBLE: readonly Phase[] = ['prepare', 'prepared', 'run', 'exited-garbage'];

const MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024;
const STATUS_LIMIT_BYTES = 65536;

/** Makes the directories of all phases. Only root of the pods may look into them: images bring setuid files. */
export function makePhases(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  mkdirSync(join(dir, 'pods'), { recursive: true, mode: 0o700 });
  for (const phase of PHASES) mkdirSync(join(dir, 'pods', phase), { recursive: true, mode: 0o700 });
}

/** How often an embryo is made anew whose place or lock the collector has taken before its maker. */
const EMBRYOS_MAX = 100;

/**
 * Makes a new pod in phase `prepare` and holds its lock: embryo, lock, rename, so that no reader sees it unlocked.
 *
 * An embryo without a lock is nobody's, so the collector may be quicker: then another is made.
 */
export function createPod(dir: string): { pod: Pod; lock: Lock } {
  makePhases(dir);
  for (let attempt = 0; attempt < EMBRYOS_MAX; attempt++) {
    const embryo = podAt(dir, 'embryo', newUuid());
    mkdirSync(embryo.path, { mode: 0o700 });
    const lock = claim(embryo);
    if (lock === undefined) continue;
    const pod = podAt(dir, 'prepare', embryo.uuid);
    // After a power cut it is garbage in either phase.
    renameUnsynced(embryo.path, pod.path);
    return { pod, lock };
  }
  throw new Failure(EXIT.tryAgain, `cannot make a pod in "${dir}": somebody collects each of them: try again`);
}

/** Moves a pod, whose lock the caller holds, to another phase. */
export function movePod(dir: string, pod: Pod, phase: Phase): Pod {
  const moved = podAt(dir, phase, pod.uuid);
  renameDurably(pod.path, moved.path);
  return moved;
}

/** Takes the lock of a pod, or says that somebody else works on it. */
export function lockPod(pod: Pod): Lock {
  const lock = tryLock(pod.path);
  if (lock === undefined) throw new Failure(EXIT.tryAgain, `cannot lock pod "${pod.uuid}": it is in use`);
  return lock;
}

/** The pods in these phases, by UUID. */
export function listPods(dir: string, phases: readonly Phase[] = VISIBLE): Pod[] {
  const pods = phases.flatMap((phase) =>
    namesIn(join(dir, 'pods', phase))
      .filter(isPodUuid)
      .map((uuid) => podAt(dir, phase, uuid)),
  );
  return pods.toSorted((a, b) => (a.uuid < b.uuid ? -1 : 1));
}

/** The one pod whose UUID begins so, in any case. */
export function findPod(dir: string, prefix: string): Pod {
  const text = prefix.toLowerCase();
  if (text === '') throw new Failure(EXIT.usage, 'cannot find pod: the UUID is empty');
  if (!isUuidPrefix(text))
    throw new Failure(EXIT.usage, `cannot find pod "${printable(prefix)}": not the beginning of a UUID`);
  const found = listPods(dir).filter(({ uuid }) => uuid.startsWith(text));
  const [pod] = found;
  if (pod === undefined) throw new Failure(EXIT.notFound, `cannot find pod "${prefix}": no such pod in "${dir}"`);
  if (found.length > 1) throw new Failure(EXIT.usage, `cannot find pod "${prefix}": ${found.length} pods begin so`);
  return pod;
}

/** Where the pod lies now: it may have moved since it was looked at. Undefined if it is gone. */
export function refind(dir: string, uuid: PodUuid): Pod | undefined {
  // Backwards through the life cycle would miss a pod that moves forward meanwhile; forwards cannot.
  const phase = PHASES.find((candidate) => exists(dir, 'pods', candidate, uuid));
  return phase === undefined ? undefined : podAt(dir, phase, uuid);
}

/** The pod's manifest. */
export function readPod(pod: Pod): PodManifest {
  const path = join(pod.path, 'pod.json');
  const text = readRegular(path, MANIFEST_LIMIT_BYTES);
  if (text === undefined) throw new Failure(EXIT.notFound, `cannot read pod "${pod.uuid}": it has no pod.json yet`);
  return parsePod(text.toString(), path);
}

/** The pod's own status: empty before it was started. */
export function readPodStatus(pod: Pod): Status {
  return readStatus(join(pod.path, 'status'));
}

/** The status of one of its apps. */
export function readAppStatus(pod: Pod, app: string): Status {
  return readStatus(join(pod.path, 'apps', app, 'status'));
}

/** What stage1 reported when an operation of a plan failed: one line, or undefined. */
export function readError(pod: Pod): string | undefined {
  const text = readRegular(join(pod.path, 'error'), STATUS_LIMIT_BYTES)?.toString().trim();
  return text === '' ? undefined : text;
}

function readStatus(path: string): Status {
  return parseStatus(readRegular(path, STATUS_LIMIT_BYTES)?.toString() ?? '', path);
}

function podAt(dir: string, phase: Phase, uuid: PodUuid): Pod {
  return { uuid, phase, path: join(dir, 'pods', phase, uuid) };
}

function newUuid(): PodUuid {
  const uuid = randomUUID();
  if (isPodUuid(uuid)) return uuid;
  throw new Error(`randomUUID returned ${uuid}`);
}

/** The UUID or prefix that `--uuid-file FILE` holds, white space trimmed. */
export function readUuidFile(path: string): string {
  try {
    return readText(path).trim();
  } catch (error) {
    if (hasCode(error, 'ENOENT'))
      throw new Failure(EXIT.notFound, `cannot read "${path}": no such file`, { cause: error });
    throw error;
  }
}
