// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { Command, Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { hostPlatform, parsePlatform } from '@rkt/formats';
import { parseReference, type Reference } from '@rkt/names';
import { openStore } from '@rkt/store';
import { fetchImage, type FetchedImage } from './fetch-image.ts';
import { parseInsecureOptions } from './insecure.ts';
import { options } from './options.ts';
import { mentionPathsConfig } from './paths-config.ts';
import { parsePolicy } from './policy.ts';
import { makeProgress, type Progress } from './progress.ts';
import { fullId, printJson, shortId } from './result.ts';
import { readStandardInput } from './standard-input.ts';

/** rkt-fetch: from references to images in the store. */
export const fetch: Command<typeof options> = {
  name: 'rkt-fetch',
  synopsis: 'rkt-fetch [OPTION]... IMAGE...',
  summary: 'fetch images into the store',
  options,
  main: async (given, operands, context) => {
    if (operands.length === 0) throw new Failure(EXIT.usage, 'must provide at least one image');
    const references = operands.map(parseReference);
    if (given.signature !== undefined) requireOneAci(references);
    const insecure = parseInsecureOptions(given['insecure-options']);
    const policy = parsePolicy(given['pull-policy']);
    const platform = given.platform === undefined ? hostPlatform() : parsePlatform(given.platform);
    // Only files are fetched whatever the policy.
    const create = policy !== 'never' || references.some(({ kind }) => kind === 'aci-file');
    const store = openStore(join(context.dir, 'store'), { create });
    const progress = progressOf(context, given.quiet);
    const configDirectories = [given['system-config'], given['local-config'], given['user-config'] ?? []].flat();
    mentionPathsConfig(configDirectories, context.note);
    const fetchOptions = {
      context: { ...context, note: progress.note },
      insecure,
      ...(await credentialsOf(given.authfile, context)),
      tokenHosts: given['token-host'],
      lookaside: given.lookaside,
      sbom: given.sbom,
      signature: given.signature,
      store,
      policy,
      check: given.check,
      platform,
      progress,
      configDirectories,
    };
    const images: FetchedImage[] = [];
    try {
      for (const reference of references) {
        const image = await fetchImage(reference, fetchOptions);
        images.push(image);
        if (given.format === undefined) context.print(given.full ? fullId(image.id) : shortId(image.id));
      }
    } finally {
      progress.close();
    }
    if (given.format !== undefined) context.print(printJson(images, given.format === 'json-pretty'));
    return EXIT.ok;
  },
};

/** A file of signatures belongs to one image. */
function requireOneAci(references: readonly Reference[]): void {
  const [first, ...more] = references;
  if (more.length === 0 && (first?.kind === 'appc' || first?.kind.startsWith('aci-'))) return;
  throw new Failure(EXIT.usage, "cannot use --signature: wanted one IMAGE, which is in appc's format");
}

/** Where credentials come from: what `--authfile` says, or `$REGISTRY_AUTH_FILE`, which yields to rkt's own configuration. */
async function credentialsOf(authFile: string | undefined, { environment }: Context) {
  const isHandedOver = (authFile ?? environment['REGISTRY_AUTH_FILE']) === '-';
  return { authFile, authText: isHandedOver ? await readStandardInput() : undefined };
}

function progressOf({ note }: Context, quiet: boolean): Progress {
  if (quiet) return makeProgress({ quiet, terminal: undefined, note });
  const { stderr } = process;
  const terminal = stderr.isTTY
    ? { columns: stderr.columns, write: (text: string) => void stderr.write(text) }
    : undefined;
  return makeProgress({ quiet, terminal, note });
}
