// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { MEDIA_TYPE, type Verification } from '@rkt/formats';
import { parseReference, printable, printReference, type Reference } from '@rkt/names';
import { gatherEvidence, imageNameOf, isOwnStore, judge, type Policy, type Question } from '@rkt/policy';
import { indexOf, type Store, type StoredImage } from '@rkt/store';

/** What is the same for all images. */
export interface Asking {
  readonly policy: Policy;
  readonly verifier: Question['verifier'];
  readonly nowMs: number;
}

/** An image of a store, and the reference by which it was asked for. */
export interface Found {
  readonly store: Store;
  readonly stored: StoredImage;
  readonly reference: Reference;
}

/** Decides about one image of the stores, and about all that it depends on, as rkt-prepare would. */
export async function verifyImage(stores: readonly Store[], operand: string, asking: Asking): Promise<Verification[]> {
  const found = find(stores, operand);
  const { store, stored, reference } = found;
  const documents = store.readDocuments(stored.digest);
  if (documents.manifest.config.mediaType === MEDIA_TYPE.appcManifest) {
    const { verifyAci } = await import('./verify-aci.ts');
    return verifyAci({ ...found, documents }, asking);
  }
  const { digest } = store.readImage(stored.digest);
  const name = imageNameOf(reference, stored.name);
  const index = digest === stored.digest ? indexOf(stored) : stored.digest;
  const evidence = gatherEvidence(store, { digest, index });
  const decision = await judge({
    image: printReference(reference),
    id: stored.digest,
    name,
    nameIsOurs: isOwnStore(store.dir),
    evidence,
    rules: asking.policy.rulesFor(name),
    verifier: asking.verifier,
    nowMs: asking.nowMs,
  });
  return [decision];
}

/** An image by the name that `rkt image list` prints, by a reference, or by the beginning of its id. */
function find(stores: readonly Store[], operand: string): Found {
  for (const store of stores) {
    const named = store.images().find(({ name }) => name === operand);
    const reference = parseReference(
      named === undefined || /^(oci|oci-archive|cimd):/.test(operand) ? operand : `docker://${operand}`,
    );
    try {
      return { store, stored: named ?? store.find(reference), reference };
    } catch (error) {
      if (!(error instanceof Failure) || error.status !== EXIT.notFound) throw error;
    }
  }
  throw new Failure(EXIT.notFound, `cannot find image "${printable(operand)}": not in a store: fetch it first`);
}
