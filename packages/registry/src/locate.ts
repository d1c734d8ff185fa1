// SPDX-License-Identifier: Apache-2.0
import { Failure } from '@rkt/exit';
import { discard } from './answer.ts';
import { isWithoutTls } from './errors.ts';
import { type Transport } from './transport.ts';

/** What it takes to find out where a registry is. */
export interface LocateOptions {
  readonly host: string;
  readonly allowHttp: boolean;
  readonly transport: Transport;
  readonly note: (message: string) => void;
}

/** The address of a registry: HTTPS, or plain HTTP if the user allows that and there is no TLS. */
export async function locate({ host, allowHttp, transport, note }: LocateOptions): Promise<URL> {
  const secure = new URL(`https://${host}/`);
  if (!allowHttp) return secure;
  try {
    await discard(await transport.request({ url: new URL('/v2/', secure), headers: {} }));
    return secure;
  } catch (error) {
    // A server with a bad certificate does speak TLS: going on in the clear would hide that.
    if (!(error instanceof Failure) || !isWithoutTls(error.cause)) throw error;
  }
  note(`talking to "${host}" without encryption`);
  return new URL(`http://${host}/`);
}
