// SPDX-License-Identifier: Apache-2.0
import { printable } from '@rkt/names';
import { type Signer } from '@rkt/signatures';
import { type Question } from './question.ts';
import { type Looked } from './record.ts';

/** How many signatures a message tells about. */
const TOLD_MAX = 3;

/** A signer in words; what the signer chose is escaped. */
export function signerText(signer: Signer | undefined): string {
  switch (signer?.kind) {
    case undefined:
      return 'nobody who says so';
    case 'pgp': {
      const [user] = signer.userIds;
      const key = `OpenPGP key ${signer.fingerprint ?? signer.keyId}`;
      return user === undefined ? key : `"${printable(user)}" (${key})`;
    }
    case 'key':
      return `key ${signer.fingerprint}`;
    case 'identity':
      return `"${printable(signer.san)}" (issuer ${printable(signer.issuer)})`;
  }
}

/** What a refused user wants to know besides: what was found, what is masked, and the command that would trust it. */
export function refusalReasons(question: Question, looked: readonly Looked[]): string[] {
  const { rules, evidence } = question;
  const told = looked.filter(({ counts }) => !counts);
  const found = told.slice(0, TOLD_MAX).map((one) => `found ${what(one)}: ${whyNot(one)}`);
  if (told.length > TOLD_MAX) found.push(`and ${told.length - TOLD_MAX} more`);
  if (evidence.signatures.length === 0) found.push('it has no signature');
  const masked = rules.masked.map(({ name, by }) => `"${name}" is masked by ${by}`);
  return [...found, ...masked, ...evidence.problems.slice(0, TOLD_MAX), ...advice(question, looked)];
}

function what({ signature, attestation, verdict }: Looked): string {
  const kind = attestation === true ? 'attestation' : signature.kind === 'bundle' ? 'sigstore signature' : 'signature';
  return verdict.signer === undefined ? `a ${kind}` : `a ${kind} by ${signerText(verdict.signer)}`;
}

function whyNot({ verdict, problem }: Looked): string {
  return verdict.outcome === 'bad' ? printable(verdict.reason) : printable(problem ?? 'it does not count');
}

/** The exact command, unless no key could help: what was signed wrongly stays wrong. */
function advice({ name, rules }: Question, looked: readonly Looked[]): string[] {
  const unknown = looked.some(({ verdict }) => verdict.outcome === 'bad' && UNKNOWN.has(verdict.code));
  const words: string[] = [];
  if (unknown && rules.from === 'trust store') words.push(trustCommand(name));
  if (rules.allowInsecure) words.push('--insecure-options=image');
  return words.length === 0 ? [] : [`wanted ${words.join(', or ')}`];
}

const UNKNOWN: ReadonlySet<string> = new Set([
  'unknown-key',
  'nobody-trusted',
  'wrong-identity',
  'untrusted-certificate',
]);

function trustCommand({ transport, path }: Question['name']): string {
  // The page of the name of an ACI says where its keys are: without a file they are looked for there.
  if (transport === 'appc') return `rkt trust --prefix=${path} [FILE] (its public key)`;
  return `rkt trust ${transport === 'docker' ? `--prefix=${path}` : '--root'} FILE (its public key)`;
}
