// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure, hasCode, reason } from '@rkt/exit';
import { printable } from '@rkt/names';

/** A failure that may be gone at the next try. */
export class TransientFailure extends Failure {
  /** How long the server asked us to wait, if it did. */
  readonly afterMs: number | undefined;

  constructor(
    message: string,
    { afterMs, cause }: { readonly afterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(EXIT.unavailable, message, { cause });
    this.name = 'TransientFailure';
    this.afterMs = afterMs;
  }
}

const TRANSIENT: ReadonlyMap<string, string> = new Map([
  ['ECONNRESET', 'the connection was cut'],
  ['EPIPE', 'the connection was cut'],
  ['UND_ERR_SOCKET', 'the connection was cut'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'the connection was cut'],
  ['ETIMEDOUT', 'no answer in time'],
  ['UND_ERR_CONNECT_TIMEOUT', 'no connection in time'],
  ['UND_ERR_HEADERS_TIMEOUT', 'no answer in time'],
  ['UND_ERR_BODY_TIMEOUT', 'it stopped sending'],
  ['EAI_AGAIN', 'its name cannot be resolved at the moment'],
]);

const FINAL: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ENOTFOUND', 'no such host'],
  ['EHOSTUNREACH', 'no route to it'],
  ['ENETUNREACH', 'no network'],
  ['UND_ERR_HEADERS_OVERFLOW', 'the headers of its answer are too large'],
]);

const NO_TLS = ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'];

/** True if a server that was asked over TLS does not speak it, or nobody listens there. */
export function isWithoutTls(error: unknown): boolean {
  return hasCode(error, ...NO_TLS, 'ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET');
}

/** True if a peer showed a certificate of nobody whom we trust; one for another name is not made better by more trust. */
export function isRefusedCertificate(error: unknown): boolean {
  const code = codeOf(error);
  return /CERT|^UNABLE_TO_/.test(code) && !code.includes('_ALERT_') && !hasCode(error, 'ERR_TLS_CERT_ALTNAME_INVALID');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The failure that an error of the network is to the user; anything else is returned as it is. */
export function networkFailure(error: unknown, host: string): unknown {
  if (!(error instanceof Error) || error instanceof Failure) return error;
  const code = codeOf(error);
  const cannot = `cannot reach "${printable(host)}"`;
  const transient = TRANSIENT.get(code);
  if (transient !== undefined) return new TransientFailure(`${cannot}: ${transient}`, { cause: error });
  const fail = (why: string) => new Failure(EXIT.unavailable, `${cannot}: ${why}`, { cause: error });
  const final = FINAL.get(code);
  if (final !== undefined) return fail(final);
  if (NO_TLS.includes(code)) return fail('it does not speak TLS: --insecure-options=http allows a registry without');
  if (/_ALERT_.*(?:CERT|UNKNOWN_CA|HANDSHAKE_FAILURE)/.test(code)) {
    return fail('it refuses us: it may want a certificate, of certs.d/HOST[:PORT]/NAME.cert and NAME.key');
  }
  if (/CERT|^UNABLE_TO_|^ERR_TLS/.test(code)) {
    return fail(`its certificate is refused: ${printable(reason(error))}: wanted one of a known authority`);
  }
  if (error.name === 'HTTPParserError' || code.startsWith('HPE_')) return fail('its answer is not HTTP');
  if (code.startsWith('UND_ERR_') || 'syscall' in error || code.startsWith('ERR_SSL'))
    return fail(printable(reason(error)));
  return error;
}
