// SPDX-License-Identifier: Apache-2.0
import { componentsFormatOf, parseJson } from '@rkt/formats';
import { EXIT, Failure } from '@rkt/exit';
import { makeExaminer, pack, readProvenance, type Examined, type Opened, type Provenance } from '@rkt/policy';
import { packagesIn } from './packages.ts';
import {
  parseAttachedQuestion,
  TEXT_LENGTH_MAX,
  type AttachedAnswer,
  type Finding,
  type OpenedThing,
  type Wish,
} from './protocol.ts';

/** How many subjects of a statement are passed on. */
const SUBJECTS_MAX = 8;

const cut = (text: string) => text.slice(0, TEXT_LENGTH_MAX);
const cutMaybe = (text: string | undefined) => (text === undefined ? undefined : cut(text));

/** Answers a question of rkt-image: says of everything what it is, and opens what is wished for. */
export async function answerQuestion(packed: Buffer): Promise<Buffer> {
  const { all, name, authorities, nowMs, wish } = parseAttachedQuestion(packed);
  const examine = await makeExaminer({ documents: all.documents, name, authorities, nowMs });
  const examined: Examined[] = [];
  for (const what of all.attached) {
    // What it says is not kept: several lists of components are more than fits into memory.
    const { predicate: _, ...found } = await examine(what);
    examined.push(found);
  }
  const findings = examined.map(findingOf);
  const chosen = choose(examined, wish);
  const what = chosen === undefined ? undefined : all.attached[chosen.index];
  const answer: AttachedAnswer = { findings };
  if (chosen === undefined || what === undefined) return pack(answer, 'the answer');
  try {
    const opened = { ...chosen, ...open(await examine(what), wish) };
    return pack({ ...answer, opened }, 'the answer');
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return pack({ ...answer, problem: cut(error.message) }, 'the answer');
  }
}

function findingOf({ predicateType, subjects, verified, reason, signer, rule, signedAt }: Examined): Finding {
  return {
    predicateType: cutMaybe(predicateType),
    subjects: subjects.slice(0, SUBJECTS_MAX),
    subjectCount: subjects.length,
    verified,
    reason: cutMaybe(reason),
    signer: signer === undefined ? undefined : signerOf(signer),
    rule,
    signedAt: signedAt?.time.toISOString(),
    timeSource: signedAt?.source,
  };
}

function signerOf(signer: NonNullable<Examined['signer']>): NonNullable<Finding['signer']> {
  switch (signer.kind) {
    case 'pgp':
      return { ...signer, userIds: signer.userIds.map(cut) };
    case 'key':
      return signer;
    case 'identity':
      return { kind: 'identity', issuer: cut(signer.issuer), san: cut(signer.san) };
  }
}

/** The one that is opened: of the wished kind and digest, one that is verified before one that is not. */
function choose(examined: readonly Examined[], wish: Wish): Pick<OpenedThing, 'index' | 'others'> | undefined {
  if (wish.kind === 'nothing') return undefined;
  const { kind, digest } = wish;
  const matching = [...examined.entries()].filter(
    ([, { holds, what }]) => holds === kind && (digest === undefined || what.blob.startsWith(digest)),
  );
  const [first, ...more] = matching.toSorted(([, a], [, b]) => Number(b.verified) - Number(a.verified));
  return first === undefined ? undefined : { index: first[0], others: more.length };
}

function open({ what, predicateType, predicate }: Opened, wish: Wish): Omit<OpenedThing, 'index' | 'others'> {
  if (wish.kind === 'provenance') {
    const provenance = readProvenance(predicateType ?? '', predicate);
    const document = Buffer.from(JSON.stringify(predicate ?? null, null, wish.indent ? '\t' : undefined));
    return { provenance: provenance === undefined ? undefined : short(provenance), document };
  }
  if (wish.kind !== 'components' || what.bytes === undefined) return {};
  const type = predicateType ?? componentsType(what);
  if (!wish.packages) return { document: predicateType === undefined ? what.bytes : documentIn(predicate) };
  const document =
    predicateType === undefined
      ? parseJson(what.bytes, { what: 'the list of components', limitBytes: what.bytes.byteLength })
      : documentValue(predicate);
  const packages = packagesIn(componentsFormatOf(type), document);
  return { packages: packages.map(([name, version, address]) => [cut(name), cut(version), cut(address)]) };
}

/** Tools that attach any file say what it is once, for the whole artifact. */
function componentsType({ mediaType, artifactType }: Opened['what']): string {
  return componentsFormatOf(mediaType) === undefined ? artifactType : mediaType;
}

function short({ builderId, buildType, sources, revision, startedOn, materials }: Provenance) {
  return {
    builderId: cutMaybe(builderId),
    buildType: cutMaybe(buildType),
    sources: sources.map(cut),
    revision: cutMaybe(revision),
    startedOn: cutMaybe(startedOn),
    materials: materials.map(({ uri, digest }) => ({ uri: cut(uri), digest: cutMaybe(digest) })),
  };
}

/** The document in a predicate: older versions of cosign put its text under `Data`. */
function textIn(predicate: unknown): string | undefined {
  if (typeof predicate === 'string') return predicate;
  if (typeof predicate !== 'object' || predicate === null || !('Data' in predicate)) return undefined;
  return typeof predicate.Data === 'string' ? predicate.Data : undefined;
}

function documentIn(predicate: unknown): Buffer {
  return Buffer.from(textIn(predicate) ?? `${JSON.stringify(predicate ?? null, null, '\t')}\n`);
}

function documentValue(predicate: unknown): unknown {
  const text = textIn(predicate);
  if (text === undefined) return predicate;
  const bytes = Buffer.from(text);
  if (!/^\s*\{/.test(text)) throw new Failure(EXIT.dataRefused, 'cannot read the list of components: it is not JSON');
  return parseJson(bytes, { what: 'the list of components', limitBytes: bytes.byteLength });
}
