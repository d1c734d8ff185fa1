// SPDX-License-Identifier: Apache-2.0
import { hostPlatform, platformLabels, type PodApp, type RuntimeConfig } from '@rkt/formats';

/** What the manifest of an exported app is made of. */
export interface ExportedApp {
  readonly app: PodApp;
  readonly process: Pick<RuntimeConfig['process'], 'args' | 'user' | 'cwd' | 'env'>;
  /** When its pod was made. */
  readonly createdMs: number;
}

/**
 * The image manifest of appc that has the app run again as it was run here.
 *
 * That of the image of the app would not do: what the image depends on, and which of its paths are shown, is in the
 * files already.
 */
export function aciManifest({ app, process, createdMs }: ExportedApp): string {
  const { args, user, cwd, env } = process;
  const { name, version } = splitName(app.image.name);
  const labels = { ...(version === undefined ? {} : { version }), ...platformLabels(hostPlatform()) };
  const manifest = {
    acKind: 'ImageManifest',
    acVersion: '0.8.11',
    name,
    labels: pairs(labels),
    app: {
      exec: args,
      user: String(user.uid),
      group: String(user.gid),
      supplementaryGIDs: user.additionalGids,
      workingDirectory: cwd,
      environment: pairs(variablesOf(env)),
      mountPoints: app.mounts.map((mount) => ({ name: mount.volume, path: mount.target, readOnly: mount.readOnly })),
      userAnnotations: app.userAnnotations ?? {},
      userLabels: app.userLabels ?? {},
    },
    annotations: pairs({ created: new Date(createdMs).toISOString() }),
  };
  return JSON.stringify(manifest);
}

function pairs(record: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return Object.entries(record).map(([name, value]) => ({ name, value }));
}

/** The variables that appc has a form for; the name of the app is for whoever runs the image to say. */
function variablesOf(env: readonly string[]): Record<string, string> {
  const entries = env.map((variable) => [variable.replace(/=.*$/s, ''), variable.replace(/^[^=]*=/, '')] as const);
  return Object.fromEntries(
    entries.filter(([name]) => /^[A-Za-z_][A-Za-z_0-9.-]*$/.test(name) && name !== 'AC_APP_NAME'),
  );
}

/** The name of an image as appc can have it, and its version. */
function splitName(image: string): { name: string; version: string | undefined } {
  const [, path = '', tag] = /^(?:[a-z-]+:(?:\/\/)?)?(.*?)(?::([\w][\w.-]{0,127}))?(?:@.*)?$/s.exec(image) ?? [];
  const name = path
    .toLowerCase()
    .replace(/[^a-z0-9._~/-]+/g, '-')
    .replace(/[-._~/]*\/[-._~/]*/g, '/')
    .replace(/[-._~]{2,}/g, '-')
    .replace(/^[-._~/]+/, '')
    .slice(0, 255)
    .replace(/[-._~/]+$/, '');
  return { name: name === '' ? 'exported' : name, version: tag };
}
