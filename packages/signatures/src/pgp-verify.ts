// SPDX-License-Identifier: Apache-2.0
import type { SignaturePacket } from 'openpgp';
import { bestOf, candidateOf, dateFor, judge, type Candidate, type Verifying } from './pgp-signature.ts';
import { badOf, Refused } from './refusal.ts';
import type { Source } from './source.ts';
import type { Bad, Verdict } from './verdict.ts';

/** The verdict on signatures over a source: one good signature by a trusted key is enough. The source is read once for all of them. */
export async function verifySignatures(
  verifying: Verifying,
  source: Source,
  packets: readonly (SignaturePacket | Refused)[],
): Promise<Verdict> {
  const found = await Promise.all(packets.map((packet) => candidate(verifying, packet)));
  const candidates = found.filter((one) => 'packet' in one);
  const refused = found.filter((one) => 'outcome' in one);
  // Nothing to verify: the source is not touched.
  if (candidates.length === 0) return bestOf(refused);
  return bestOf([...(await verifyCandidates(verifying, source, candidates)), ...refused]);
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
