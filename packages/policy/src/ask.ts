// SPDX-License-Identifier: Apache-2.0
import { type Good, type SigstoreQuestion, type Verdict } from '@rkt/signatures';
import { nothing } from '@rkt/files';
import { type Evidence, type FoundSignature } from './evidence.ts';
import { type Signers } from './signers.ts';

/** What is the same for all signatures of an image. */
export interface Asking {
  readonly evidence: Evidence;
  readonly now: Date;
  /** The bytes of an ACI; left out where detached signatures cannot count. */
  readonly content?: (() => AsyncIterable<Uint8Array>) | undefined;
}

/** A verdict, and the file that says that the signer may vouch. */
export interface Answer {
  readonly verdict: Verdict;
  readonly source: string | undefined;
}

/** Verdicts that mean: this signature is not from one of those who were asked for. */
const NOT_MINE: ReadonlySet<string> = new Set([
  'unknown-key',
  'nobody-trusted',
  'wrong-identity',
  'untrusted-certificate',
]);

/** A signature with what became of it. */
export interface Asked extends Answer {
  readonly signature: FoundSignature;
}

/** Asks of each signature whether one of the signers signed the image by it. Whatever goes wrong is a no. */
export async function askSignatures(
  found: readonly FoundSignature[],
  signers: Signers,
  asking: Asking,
): Promise<Asked[]> {
  const detached = await askDetached(
    found.filter(({ kind }) => kind === 'detached'),
    signers,
    asking,
  );
  const asked: Asked[] = [];
  for (const signature of found) {
    const known = detached.get(signature);
    const ask = async () => (known === undefined ? askOne(signature, signers, asking) : [known]);
    asked.push({ signature, ...(await answer(signers, ask)) });
  }
  return asked;
}

async function askOne(signature: FoundSignature, signers: Signers, asking: Asking): Promise<readonly Verdict[]> {
  const signatures = await import('@rkt/signatures');
  const { bytes, annotations } = signature;
  const about = aboutSubject(signature, asking);
  switch (signature.kind) {
    case 'simple-signing': {
      const question = { digest: about.digest, keys: signers.pgp, now: asking.now };
      return [await signatures.verifySimpleSigning(bytes, question)];
    }
    case 'bundle':
      return forEachTrust(signers, about, async (question) => signatures.verifyBundleSignature(bytes, question));
    case 'cosign':
      return forEachTrust(signers, about, async (question) =>
        signatures.verifyCosignSignature({ payload: bytes, annotations }, question),
      );
    case 'cosign-attestation':
      return [bad('wrong-type', 'it is an attestation: wanted a signature')];
    case 'detached':
      return [bad('failed', 'nothing was verified')];
  }
}

/** Asks whether one of the signers attested something about the image. */
export async function askAttestation(signature: FoundSignature, signers: Signers, asking: Asking): Promise<Answer> {
  return answer(signers, async () => {
    const { verifyBundleAttestation, verifyCosignAttestation } = await import('@rkt/signatures');
    const { bytes, annotations, kind } = signature;
    const about = aboutSubject(signature, asking);
    if (kind === 'bundle') {
      return forEachTrust(signers, about, async (question) => verifyBundleAttestation(bytes, question));
    }
    if (kind !== 'cosign-attestation') return [bad('wrong-type', 'it is no attestation')];
    const layer = { payload: bytes, annotations };
    return forEachTrust(signers, about, async (question) => verifyCosignAttestation(layer, question));
  });
}

function aboutSubject({ subject }: FoundSignature, { evidence, now }: Asking) {
  return { digest: subject, content: evidence.documents.find(({ digest }) => digest === subject)?.bytes, now };
}

/**
 * The verdicts on detached signatures. The bytes of an ACI are read once for all of them; what they hash to has to be what is
 * decided about.
 */
async function askDetached(
  found: readonly FoundSignature[],
  { pgp }: Signers,
  { evidence, now, content }: Asking,
): Promise<ReadonlyMap<FoundSignature, Verdict>> {
  const all = (verdict: Verdict) => new Map(found.map((signature) => [signature, verdict]));
  if (found.length === 0) return new Map();
  if (evidence.subject.kind !== 'aci') {
    return all(bad('unsupported', 'it is over the bytes of an ACI, and this is none'));
  }
  if (content === undefined && pgp.length > 0)
    return all(bad('unsupported', 'it names no image, and the policy wants one'));
  try {
    const { verifyDetached } = await import('@rkt/signatures');
    const question = { signatures: found.map(({ bytes }) => bytes), keys: pgp, now };
    // Without keys only who seems to have signed is of interest.
    const { verdicts, sha256 } = await verifyDetached(content?.() ?? nothing(), question);
    const other = bad('failed', `the bytes of the image have the digest "${sha256}"`);
    const isIt = sha256 === evidence.subject.digest;
    return new Map(
      found.map((signature, index) => {
        const verdict = verdicts[index] ?? bad('failed', 'nothing was verified');
        return [signature, verdict.outcome === 'good' && !isIt ? other : verdict];
      }),
    );
  } catch (error) {
    return all(failed(error));
  }
}

async function answer(signers: Signers, ask: () => Promise<readonly Verdict[]>): Promise<Answer> {
  let verdicts: readonly Verdict[];
  try {
    verdicts = await ask();
  } catch (error) {
    verdicts = [failed(error)];
  }
  const verdict = mostTelling(verdicts);
  const source = verdict.outcome === 'good' ? signers.sourceOf(verdict.signer) : undefined;
  // A good signature of somebody whom nobody asked about must not count, whichever verifier said so.
  if (verdict.outcome === 'good' && source === undefined) {
    return { verdict: bad('failed', 'its signer is none of those who were asked for'), source };
  }
  return { verdict, source };
}

function mostTelling(verdicts: readonly Verdict[]): Verdict {
  const good = verdicts.find((verdict): verdict is Good => verdict.outcome === 'good');
  if (good !== undefined) return good;
  const refused = verdicts.filter((verdict) => verdict.outcome === 'bad');
  return (
    refused.find(({ code }) => !NOT_MINE.has(code)) ??
    refused.find(({ signer }) => signer !== undefined) ??
    refused[0] ??
    bad('failed', 'nothing was verified')
  );
}

function bad(code: 'wrong-type' | 'failed' | 'unsupported', reason: string): Verdict {
  return { outcome: 'bad', code, reason, signer: undefined };
}

function failed(error: unknown): Verdict {
  return bad('failed', `it cannot be verified: ${error instanceof Error ? error.message : String(error)}`);
}

/** Asks once for each kind of trust. */
async function forEachTrust(
  { sigstore }: Signers,
  { digest, content, now }: Pick<SigstoreQuestion, 'digest' | 'content' | 'now'>,
  ask: (question: SigstoreQuestion) => Promise<Verdict>,
): Promise<Verdict[]> {
  // Without anybody to ask for the verdict still says who seems to have signed.
  const trusts = sigstore.length > 0 ? sigstore : [{ kind: 'keys' as const, keys: [] }];
  const verdicts: Verdict[] = [];
  for (const trust of trusts) verdicts.push(await ask({ digest, content, trust, now }));
  return verdicts;
}
