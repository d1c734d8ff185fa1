// SPDX-License-Identifier: Apache-2.0
import { isatty } from 'node:tty';
import { join } from 'node:path';
import { globalOptions, parseOptions, type Command } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { hierarchiesOf } from '@rkt/cgroups';
import { libraryFile, readText } from '@rkt/files';
import { enterPlan } from '@rkt/flavor-ns';
import { parseRuntimeConfig, type PodApp, type PodManifest } from '@rkt/formats';
import { requireOwner } from '@rkt/inspect';
import { findPod, readPod, type Pod } from '@rkt/pods';
import { options } from './options.ts';
import { findProcess } from './process.ts';
import { writeEnterPlan } from './write-plan.ts';

const DEFAULT_COMMAND = '/bin/sh';

/** rkt-enter: a command in a running app, with the rights of the app and no other. */
export const enter: Command<typeof options> = {
  name: 'rkt-enter',
  synopsis: 'rkt-enter [OPTION]... UUID [COMMAND [ARG...]]',
  summary: 'execute a command in a running app',
  options,
  rawArguments: true,
  main: (_given, argv, context) => {
    const { own, rest } = splitAtOperand(argv);
    const { given } = parseOptions({ ...globalOptions, ...options }, own);
    const [uuid, ...command] = rest;
    if (uuid === undefined) throw new Failure(EXIT.usage, 'a pod is required: wanted its UUID');
    requireOwner(context.dir, 'enter');
    const pod = findPod(context.dir, uuid);
    const manifest = readPod(pod);
    const app = chooseApp(manifest, given.app);
    if (command.length === 0) context.note(`no command specified, assuming "${DEFAULT_COMMAND}"`);
    return becomeCommand({ pod, manifest, app, command, environment: context.environment });
  },
};

interface Entered {
  readonly pod: Pod;
  readonly manifest: PodManifest;
  readonly app: PodApp;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Writes the plan, which stays as the record of who entered, and becomes stage1. */
function becomeCommand({ pod, manifest, app, command, environment }: Entered): never {
  const found = findProcess(pod, app.name);
  const path = join(pod.path, 'apps', app.name, 'config.json');
  const config = parseRuntimeConfig(readText(path), path);
  const interactive = isatty(0);
  const plan = enterPlan({
    pod: manifest,
    entered: { app, config },
    host: { hierarchies: hierarchiesOf(manifest), landlock: landlockOf(pod, app) },
    process: found,
    args: command.length === 0 ? [DEFAULT_COMMAND] : command,
    environment: interactive ? [...config.process.env, `TERM=${environment['TERM'] ?? 'vt100'}`] : config.process.env,
    interactive,
  });
  const stage1 = libraryFile('stage1');
  const caller = environment['SUDO_UID'] ?? String(process.getuid?.() ?? 'unknown');
  process.execve?.(stage1, ['stage1', writeEnterPlan(pod, app.name, { plan, caller })], {});
  throw new Failure(EXIT.system, `cannot execute "${stage1}"`);
}

// Whether the app lives in a Landlock domain stands in its plan: whoever enters gets the same.
function landlockOf(pod: Pod, { name }: PodApp): number {
  return /^landlock_restrict_self /m.test(readText(join(pod.path, 'apps', name, 'plan'))) ? 7 : 0;
}

function chooseApp({ apps }: PodManifest, name: string | undefined): PodApp {
  if (name !== undefined) {
    const app = apps.find((candidate) => candidate.name === name);
    if (app !== undefined) return app;
    throw new Failure(EXIT.notFound, `cannot find app "${name}": the pod has ${apps.map((a) => a.name).join(', ')}`);
  }
  const [only, another] = apps;
  if (only === undefined) throw new Failure(EXIT.notFound, 'cannot enter the pod: it has no app');
  if (another === undefined) return only;
  throw new Failure(EXIT.usage, `pod contains multiple apps: ${apps.map((a) => a.name).join(', ')}: use --app=NAME`);
}

/** The words before the UUID are options; from there on every word belongs to the command. */
function splitAtOperand(argv: readonly string[]): { own: readonly string[]; rest: readonly string[] } {
  const valued = ['--dir', '--app'];
  let at = 0;
  while (at < argv.length && (argv[at] ?? '').startsWith('-') && argv[at] !== '--') {
    at += valued.includes(argv[at] ?? '') ? 2 : 1;
  }
  return { own: argv.slice(0, at), rest: argv.slice(argv[at] === '--' ? at + 1 : at) };
}
