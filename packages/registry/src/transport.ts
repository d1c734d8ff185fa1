// SPDX-License-Identifier: Apache-2.0
import { Agent, buildConnector, EnvHttpProxyAgent, request as send, type Dispatcher } from 'undici';
import { makeAddressGuard, type AddressGuard } from './addresses.ts';
import { secureContextFor, type Environment, type TrustOptions } from './certificates.ts';
import { isRefusedCertificate, networkFailure } from './errors.ts';

/** How long each part of an exchange may take, and how slow a body may be. */
export interface Timeouts {
  readonly connectMs: number;
  readonly headersMs: number;
  readonly idleMs: number;
  /** Over each window of waiting this long, a body brings at least `rateBytes` per second. */
  readonly rateWindowMs: number;
  readonly rateBytes: number;
}

/** What peers get. */
export const TIMEOUTS: Timeouts = {
  connectMs: 10_000,
  headersMs: 30_000,
  idleMs: 30_000,
  rateWindowMs: 30_000,
  rateBytes: 1024,
};

/** One HTTP request; nothing is followed, decoded or tried again. */
export interface HttpRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A form: then the method is POST. */
  readonly form?: URLSearchParams;
  readonly signal?: AbortSignal | undefined;
}

/** The answer to a request; whoever does not read the body to its end destroys it. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
}

/** The way to a registry and to where it sends us. */
export interface Transport {
  readonly request: (request: HttpRequest) => Promise<HttpResponse>;
  readonly close: () => Promise<void>;
}

/** What the transport of one registry is made of. */
export interface TransportOptions {
  /** The host of the registry, with its port. */
  readonly host: string;
  /** Take any certificate. */
  readonly insecureTls: boolean;
  readonly environment: Environment;
  readonly timeouts: Timeouts;
  readonly userAgent: string;
}

/** Makes the transport of one registry. HTTP/1.1 only: registries and the proxies before them speak nothing better. */
export function makeTransport({ host, insecureTls, environment, timeouts, userAgent }: TransportOptions): Transport {
  const guard = makeAddressGuard();
  const dispatchers = new Map<Trust, Dispatcher>();
  // The authorities of the system are hundreds of files: they are read when those of Node were not enough.
  let trust: Trust = 'node';
  const dispatcherOf = (wanted: Trust) => {
    const known = dispatchers.get(wanted);
    const dispatcher = known ?? makeDispatcher({ host, insecureTls, environment, timeouts, guard, trust: wanted });
    dispatchers.set(wanted, dispatcher);
    return dispatcher;
  };
  const sendTrusting = async (wanted: Trust, request: HttpRequest): Promise<HttpResponse> => {
    const { url, headers, form, signal } = request;
    try {
      const answer = await send(url, {
        dispatcher: dispatcherOf(wanted),
        method: form === undefined ? 'GET' : 'POST',
        headers: {
          'user-agent': userAgent,
          // A digest is of the bytes as they are stored: nothing on the way may compress them.
          'accept-encoding': 'identity',
          ...headers,
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        body: form?.toString() ?? null,
        signal: signal ?? null,
      });
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    } catch (error) {
      if (wanted === 'system' || !isRefusedCertificate(error)) throw error;
      // Nothing of the request was sent yet: that comes after the certificate.
      trust = 'system';
      return sendTrusting(trust, request);
    }
  };
  return {
    request: async (request) => {
      try {
        return await sendTrusting(trust, request);
      } catch (error) {
        request.signal?.throwIfAborted();
        throw networkFailure(error, request.url.host);
      }
    },
    close: async () => {
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

type Trust = TrustOptions['trust'];

interface DispatcherOptions extends Omit<TransportOptions, 'userAgent'> {
  readonly guard: AddressGuard;
  readonly trust: Trust;
}

function makeDispatcher(given: DispatcherOptions): Dispatcher {
  const { environment, timeouts } = given;
  const options: Agent.Options = {
    connect: makeConnector(given),
    headersTimeout: timeouts.headersMs,
    bodyTimeout: timeouts.idleMs,
    maxHeaderSize: 32 * 1024,
  };
  const variable = (name: string) => environment[name.toLowerCase()] || environment[name] || '';
  const [httpProxy, httpsProxy] = [variable('HTTP_PROXY'), variable('HTTPS_PROXY')];
  if (httpProxy === '' && httpsProxy === '') return new Agent(options);
  const requestTls = {
    rejectUnauthorized: !given.insecureTls,
    secureContext: secureContextFor(given.host, given),
  };
  return new EnvHttpProxyAgent({ ...options, httpProxy, httpsProxy, noProxy: variable('NO_PROXY'), requestTls });
}

/** Connects to the registry and to where it sends us, each under the rule of the guard and with the certificates for it. */
function makeConnector(given: DispatcherOptions): buildConnector.connector {
  const { host, insecureTls, timeouts, guard } = given;
  const registry = nameOf(new URL(`https://${host}`).hostname);
  const base = { allowH2: false, timeout: timeouts.connectMs };
  const made = new Map<string, buildConnector.connector>();
  const connectorFor = (protocol: string, peer: string, isRegistry: boolean) => {
    const key = `${protocol}//${peer}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const lookup = guard.lookupFor(isRegistry);
    const connector =
      protocol === 'https:'
        ? buildConnector({
            ...base,
            lookup,
            // Nobody said that the hosts to which a registry sends us may show any certificate.
            rejectUnauthorized: !(insecureTls && isRegistry),
            secureContext: secureContextFor(peer, given),
          })
        : buildConnector({ ...base, lookup });
    made.set(key, connector);
    return connector;
  };
  return (options, callback) => {
    const isRegistry = nameOf(options.hostname) === registry;
    try {
      guard.check(options.hostname, isRegistry);
      connectorFor(options.protocol, options.host ?? options.hostname, isRegistry)(options, callback);
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
    }
  };
}

const nameOf = (hostname: string) => hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
