// SPDX-License-Identifier: Apache-2.0
import { type Verification } from '@rkt/formats';
import { askAttestation, askSignatures, type Asked, type Asking } from './ask.ts';
import { attestationProblem } from './attestation.ts';
import { nameProblem } from './identity-rule.ts';
import { printName } from './image-name.ts';
import { type Question } from './question.ts';
import { refusalReasons, signerText } from './reasons.ts';
import { recordOf, type Looked } from './record.ts';
import { type Requirement } from './requirement.ts';
import { parseAuthorities } from './signers.ts';

/** What became of one requirement. */
interface Result {
  readonly met: boolean;
  readonly source: string;
  /** Why, for people. */
  readonly reason: string;
  readonly looked: readonly Looked[];
  /** When it stops being met; undefined for never. */
  readonly notAfter: Date | undefined;
}

// No signature of today can be judged by a clock that is this wrong.
const CLOCK_MIN_MS = Date.UTC(2026, 0, 1);

/**
 * Decides whether an image may be used: all requirements have to be met, each by any of its authorities.
 *
 * Only what is proved here counts. The bytes of an ACI are asked for at most once, and only if `readsContent` says so.
 * Keys and signatures are parsed here and nowhere else, which is why another process, one that can do nothing, may be the one
 * to call this.
 */
export async function judge(question: Question, content?: () => AsyncIterable<Uint8Array>): Promise<Verification> {
  const { rules, evidence, nowMs } = question;
  const now = new Date(nowMs);
  if (!(nowMs >= CLOCK_MIN_MS)) {
    return recordOf(question, { outcome: 'rejected', reasons: ['the clock of this machine is wrong'], looked: [] });
  }
  const results: Result[] = [];
  for (const requirement of rules.requirements)
    results.push(await check(requirement, question, { evidence, now, content }));
  const looked = results.flatMap((result) => result.looked);
  const unmet = results.filter(({ met }) => !met);
  // An empty list is nobody's consent.
  if (results.length > 0 && unmet.length === 0) {
    const reasons = results.map(({ reason }) => reason);
    const ends = results.flatMap(({ notAfter }) => notAfter ?? []);
    const sources = results.map(({ source }) => source);
    return recordOf(question, { outcome: 'accepted', reasons, looked, sources, notAfter: earliest(ends) });
  }
  const reasons =
    unmet.length === 0 ? ['nothing is required, and so nothing is met'] : unmet.map(({ reason }) => reason);
  return recordOf(question, {
    outcome: 'rejected',
    reasons: [...reasons, ...refusalReasons(question, looked)],
    looked,
  });
}

/** True if judging an image has to read the bytes of an ACI: somebody may have signed them who is trusted for the name. */
export function readsContent({ evidence, rules }: Pick<Question, 'evidence' | 'rules'>): boolean {
  const isSigned = evidence.signatures.some(({ kind }) => kind === 'detached');
  return evidence.subject.kind === 'aci' && isSigned && rules.requirements.some(takesDetached);
}

/** Such signatures name no image: where a name has to be signed they meet nothing, and are not read. */
function takesDetached(requirement: Requirement): boolean {
  return (
    requirement.kind === 'signed' &&
    requirement.identity.type === 'prefix' &&
    requirement.authorities.some(({ kind }) => kind === 'pgp')
  );
}

async function check(requirement: Requirement, question: Question, asking: Asking): Promise<Result> {
  const { source } = requirement;
  const no = (reason: string, looked: readonly Looked[] = []): Result => {
    return { met: false, source, reason, looked, notAfter: undefined };
  };
  switch (requirement.kind) {
    case 'reject':
      return no(rejected(requirement.source, question), await lookAtAll(question, asking));
    case 'unsupported':
      return no(`${source} cannot be met: ${requirement.why}`, await lookAtAll(question, asking));
    case 'accept':
      if (requirement.byName && !question.nameIsOurs) {
        return no(`${source} accepts images of this name, but only the owner of its store says that this is one`);
      }
      return { met: true, source, reason: `${source} accepts anything`, looked: [], notAfter: undefined };
    case 'signed':
      return checkSigned(requirement, question, asking);
    case 'attested':
      return checkAttested(requirement, question, asking);
  }
}

function rejected(source: string, { name, rules }: Question): string {
  return rules.from === 'trust store'
    ? `nobody is trusted for "${printName(name)}"`
    : `"${printName(name)}" is rejected by ${source}`;
}

/** Who seems to have signed, where nobody is trusted: for the message. */
async function lookAtAll({ evidence }: Question, asking: Asking): Promise<Looked[]> {
  const nobody = await parseAuthorities([]);
  return (await askSignatures(evidence.signatures, nobody, { ...asking, content: undefined })).map(notCounting);
}

const notCounting = (asked: Asked): Looked => ({ ...asked, counts: false });

async function checkSigned(
  requirement: Requirement & { readonly kind: 'signed' },
  { name, evidence }: Question,
  asking: Asking,
): Promise<Result> {
  const digests = evidence.documents.map(({ digest }) => digest).concat(evidence.subject.digest);
  const pinned = requirement.pinned.find((list) => list.digests.some((digest) => digests.includes(digest)));
  const signers = await parseAuthorities(requirement.authorities);
  const about = takesDetached(requirement) ? asking : { ...asking, content: undefined };
  const answers = (await askSignatures(evidence.signatures, signers, about)).map(notCounting);
  const looked = answers.map((answer): Looked => {
    const { verdict, signature } = answer;
    if (verdict.outcome === 'bad') return answer;
    const problem = nameProblem(requirement.identity, name, {
      kind: signature.kind,
      reference: verdict.claims.reference,
    });
    return problem === undefined ? { ...answer, counts: true } : { ...answer, problem };
  });
  const source = looked.find(({ counts }) => counts)?.source ?? pinned?.source ?? requirement.source;
  if (pinned !== undefined) {
    return {
      met: true,
      source: pinned.source,
      reason: `its digest stands in ${pinned.source}`,
      looked,
      notAfter: undefined,
    };
  }
  return resultOf(looked, source, `nobody who is trusted for "${printName(name)}" vouches for it`);
}

async function checkAttested(
  requirement: Requirement & { readonly kind: 'attested' },
  { evidence }: Question,
  asking: Asking,
): Promise<Result> {
  const signers = await parseAuthorities(requirement.authorities);
  const attestations = evidence.signatures.filter(({ kind }) => kind === 'bundle' || kind === 'cosign-attestation');
  const looked: Looked[] = [];
  for (const signature of attestations) {
    const { verdict, source } = await askAttestation(signature, signers, asking);
    const attested = { signature, source, attestation: true as const };
    if (verdict.outcome === 'bad') {
      looked.push({ ...attested, verdict, counts: false });
      continue;
    }
    const problem = attestationProblem(requirement, verdict.claims);
    // What it said has been compared: a list of components is not kept in memory until the last one was looked at.
    const claims = { ...verdict.claims, predicate: undefined, statement: undefined };
    looked.push({
      ...attested,
      verdict: { ...verdict, claims },
      counts: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
    });
  }
  const wanted = `${requirement.source} wants an attestation of type "${requirement.predicateType}"`;
  return resultOf(looked, requirement.source, `${wanted}, and none of those that are there will do`);
}

/** Met by any that counts, as long as the last of them does. */
function resultOf(looked: readonly Looked[], source: string, refusal: string): Result {
  const counting = looked.filter(({ counts }) => counts);
  const [first] = counting;
  if (first === undefined) return { met: false, source, reason: refusal, looked, notAfter: undefined };
  const ends = counting.map(({ verdict }) => (verdict.outcome === 'good' ? verdict.notAfter : undefined));
  const known = ends.filter((end) => end !== undefined);
  const notAfter = known.length < ends.length ? undefined : latest(known);
  const what = first.attestation === true ? 'attested' : 'signed';
  return { met: true, source, reason: `${what} by ${signerText(first.verdict.signer)}`, looked, notAfter };
}

const earliest = (times: readonly Date[]) => times.toSorted((a, b) => a.getTime() - b.getTime())[0];
const latest = (times: readonly Date[]) => times.toSorted((a, b) => b.getTime() - a.getTime())[0];
