// SPDX-License-Identifier: Apache-2.0
import type { SignaturePacket } from 'openpgp';
import { bestOf, candidateOf, dateFor, judge, type Candidate, type Verifying } from './pgp-signature.ts';
import { badOf, Refused } from './refusal.ts';
import type { Source } from './source.ts';
import type { Bad, Verdict } from './verdict.ts';

/** How many signatures of trusted keys are verified over one source: each has to hash all of it. */
const CANDIDATES_MAX = 4;

/**
 * The verdicts on lists of signatures over a source: of a list one good signature by a trusted key is enough. The source is read
 * once for all of them.
 */
export async function verifySignatures(
  verifying: Verifying,
  source: Source,
  lists: readonly (readonly (SignaturePacket | Refused)[])[],
): Promise<Verdict[]> {
  const found = await Promise.all(lists.map((list) => Promise.all(list.map((packet) => candidate(verifying, packet)))));
  const candidates = found.flat().filter((one) => 'packet' in one);
  const verified = candidates.slice(0, CANDIDATES_MAX);
  // Nothing to verify: the source is not touched.
  const verdicts = verified.length === 0 ? [] : await verifyCandidates(verifying, source, verified);
  const tooMany = badOf(new Refused('malformed', `only ${CANDIDATES_MAX} signatures by trusted keys are looked at`));
  const verdictOf = (one: Candidate) => verdicts[verified.indexOf(one)] ?? tooMany;
  return found.map((list) => bestOf(list.map((one) => ('packet' in one ? verdictOf(one) : one))));
}

async function candidate(verifying: Verifying, packet: SignaturePacket | Refused): Promise<Candidate | Bad> {
  try {
    if (packet instanceof Refused) throw packet;
    return await candidateOf(verifying, packet);
  } catch (error) {
    return badOf(error);
  }
}

async function verifyCandidates(
  verifying: Verifying,
  source: Source,
  candidates: readonly Candidate[],
): Promise<readonly Verdict[]> {
  const { library, config, now, keys } = verifying;
  const packets = candidates.map(({ packet }) => packet);
  const list = new library.PacketList<SignaturePacket>();
  list.push(...packets);
  const { data, signatures } = await library.verify({
    message: await library.createMessage({ binary: source.stream(), format: 'binary' }),
    signature: new library.Signature(list),
    // In the order of the trusted keys, as `candidateOf` looks for them: the library takes the first one with the key ID.
    verificationKeys: keys.flatMap((trusted) =>
      candidates.flatMap((one) => (one.trusted === trusted ? [one.key] : [])),
    ),
    format: 'binary',
    date: dateFor(packets, now),
    config,
  });
  if (signatures.length !== candidates.length) throw new Refused('failed', 'the verifier lost a signature');
  // Unread, the promises below would never settle, and the process would end as if all were well.
  for (const reader = data.getReader(); !(await reader.read()).done;);
  return Promise.all(candidates.map((one, index) => judge(verifying, one, signatures[index]?.verified)));
}
