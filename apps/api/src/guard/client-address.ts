import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import proxyAddress from 'proxy-addr';
import { TesseraError } from '@tessera/errors';

/** The IP address that a request comes from. */
export type ClientAddress = (request: IncomingMessage) => string;

/**
 * Behind proxies of these addresses or subnets (`loopback`, `10.0.0.0/8`), what they say in X-Forwarded-For: the last
 * address that is none of theirs. Whatever stands before it comes from the client, who may have made it up.
 * @throws TesseraError `trust-proxy-invalid`
 */
export function clientAddress(proxies: readonly string[]): ClientAddress {
  const trust = compile(proxies);
  return (request) => {
    const own = request.socket.remoteAddress ?? '';
    const said = proxies.length > 0 ? proxyAddress(request, trust) : own;
    const address = ipaddr.isValid(said) ? said : own;
    return ipaddr.isValid(address) ? ipaddr.process(address).toString() : address;
  };
}

/** Those who share limits: of IPv6 a whole /64, since one machine has all of it. */
export function clientOf(address: string): string {
  if (!ipaddr.isValid(address) || ipaddr.parse(address).kind() === 'ipv4') return address;
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/64`).toString()}/64`;
}

function compile(proxies: readonly string[]): ReturnType<typeof proxyAddress.compile> {
  try {
    return proxyAddress.compile([...proxies]);
  } catch (cause) {
    throw new TesseraError({
      code: 'trust-proxy-invalid',
      who: 'api',
      got: `TESSERA_TRUST_PROXY=${proxies.join(',').slice(0, 100)}`,
      expected: 'addresses and subnets of proxies separated by commas, or loopback, linklocal or uniquelocal',
      next: 'Write it like TESSERA_TRUST_PROXY=loopback,10.0.0.0/8.',
      cause,
    });
  }
}
