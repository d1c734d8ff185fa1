// SPDX-License-Identifier: Apache-2.0
import { hierarchiesOf, thawApp } from '@rkt/cgroups';
import type { Command } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { appsNamed, findRunning, requireOwner, uuidAndRest } from '@rkt/inspect';
import { options } from './options.ts';

/** rkt-resume: lets the processes of a paused pod go on. */
export const resume: Command<typeof options> = {
  name: 'rkt-resume',
  synopsis: 'rkt-resume UUID [APP...]\nrkt-resume --uuid-file=FILE [APP...]',
  summary: 'let the processes of a paused pod go on',
  options,
  main: ({ 'uuid-file': uuidFile }, operands, context) => {
    const { uuid, rest } = uuidAndRest(operands, uuidFile);
    requireOwner(context.dir, 'resume');
    const { pod, manifest } = findRunning(context.dir, uuid, 'resume');
    const hierarchies = hierarchiesOf(manifest);
    for (const { name } of appsNamed(manifest, rest)) thawApp({ hierarchies, pod: pod.uuid, app: name });
    context.print(`"${pod.uuid}"`);
    return EXIT.ok;
  },
};
