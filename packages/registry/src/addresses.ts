// SPDX-License-Identifier: Apache-2.0
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

const local = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  local.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  local.addSubnet(network, prefix, 'ipv6');
}

/** True for addresses of this machine, of its link and of private networks: those an outsider's redirect must not lead to. */
export function isLocalAddress(address: string): boolean {
  const plain = address.replace(/^\[(.*)\]$/, '$1');
  return local.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}

/** Decides, connection by connection, which addresses may be connected to. */
export interface AddressGuard {
  /** Refuses a connection to a local address, given as such, unless the registry is local itself. */
  readonly check: (hostname: string, isRegistry: boolean) => void;
  /** A resolver with the same rule for the addresses of a name: what it returns is what is connected to. */
  readonly lookupFor: (isRegistry: boolean) => LookupFunction;
}

/**
 * Makes the guard of one registry. A registry in the internet that sends us to 127.0.0.1 or to a cloud's metadata service
 * wants something that is not ours to give; one in the same network may.
 */
export function makeAddressGuard(): AddressGuard {
  let registryIsLocal = false;
  const judge = (hostname: string, addresses: readonly string[], isRegistry: boolean) => {
    const isLocal = addresses.some(isLocalAddress);
    if (isRegistry) registryIsLocal = isLocal;
    else if (isLocal && !registryIsLocal) {
      throw new Failure(
        EXIT.notPermitted,
        `cannot follow the registry to "${printable(hostname)}": that is an address of a private network`,
      );
    }
  };
  return {
    check: (hostname, isRegistry) => {
      const plain = hostname.replace(/^\[(.*)\]$/, '$1');
      if (isIP(plain) !== 0) judge(hostname, [plain], isRegistry);
    },
    lookupFor: (isRegistry) => (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, addresses) => {
        const [first] = addresses ?? [];
        if (error || first === undefined) return callback(error ?? new Error('no address'), '', 0);
        try {
          judge(
            hostname,
            addresses.map(({ address }) => address),
            isRegistry,
          );
        } catch (refusal) {
          return callback(refusal instanceof Error ? refusal : new Error(String(refusal)), '', 0);
        }
        return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
      });
    },
  };
}
