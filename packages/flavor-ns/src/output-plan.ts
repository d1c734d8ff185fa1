// SPDX-License-Identifier: Apache-2.0
import { type PodApp } from '@rkt/formats';
import { type Line } from '@rkt/plan';
import { comment } from './host.ts';
import { type PodInput } from './pod-plan.ts';

/** The descriptors that the supervisor gives to what keeps the output of an app: rkt-plan(5), Pods. */
const FD = { stdin: 60, stdout: 61, stderr: 62 } as const;

/**
 * The plan of the process outside of the pod that keeps the output of an app: rkt-iomux(8), which gives up its rights itself.
 *
 * `iomux` is the path of the program.
 */
export function outputPlan({ dir, pod }: PodInput, { name, output }: PodApp, iomux: string): Line[] {
  if (output === undefined) return [];
  const home = `${dir}/pods/run/${pod.uuid}/apps/${name}`;
  const modes = { stdout: output.stdout, stderr: output.stderr };
  const isLogged = Object.values(modes).some((mode) => mode === 'log' || mode === 'both');
  const argv = [
    'iomux',
    ...(output.stdin === 'stream' ? [`--stdin=${FD.stdin}`] : []),
    ...(output.stdout === 'null' ? [] : [`--stdout=${FD.stdout}:${output.stdout}`]),
    ...(output.stderr === 'null' ? [] : [`--stderr=${FD.stderr}:${output.stderr}`]),
    ...(isLogged ? [`--log=${home}/log`, `--max-size=${output.maxSizeBytes}`, `--max-files=${output.maxFiles}`] : []),
    `${home}/iomux`,
  ];
  return [comment(`what keeps the output of app ${name} of pod ${pod.uuid}`), { op: 'exec', file: iomux, argv }];
}

/** What an app does not read, or not write, although pipes are there. */
export function unusedStreams({ output }: PodApp): Line[] {
  if (output === undefined) return [];
  const { stdin, stdout, stderr } = output;
  const unused = [stdin, stdout, stderr].flatMap((mode, fd) => (mode === 'null' ? [fd] : []));
  return unused.map((fd): Line => {
    return { op: 'open', fd, path: '/dev/null', flags: [fd === 0 ? 'O_RDONLY' : 'O_WRONLY'], mode: 0 };
  });
}
