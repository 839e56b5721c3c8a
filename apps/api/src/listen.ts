import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TesseraError } from '@tessera/errors';

/** Where to listen; port 0 takes a free one. */
export interface Place {
  readonly port: number;
  readonly address: string;
}

/** What a browser on this machine takes. */
export function nameOf(address: string): string {
  if (['127.0.0.1', '0.0.0.0', '::', '::1'].includes(address)) return 'localhost';
  return address.includes(':') ? `[${address}]` : address;
}

/** @throws TesseraError `address-in-use`, `address-unusable` */
export async function listen(server: Server, { port, address }: Place): Promise<AddressInfo> {
  server.listen(port, address);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw cannotListen(error as NodeJS.ErrnoException, port, address);
  }
  return server.address() as AddressInfo;
}

function cannotListen(cause: NodeJS.ErrnoException, port: number, address: string): TesseraError {
  const other = 'or choose another port with the variable PORT.';
  if (cause.code === 'EADDRINUSE') {
    const got = `port ${port}, which another program uses`;
    const next = `Stop that program, ${other}`;
    return new TesseraError({ code: 'address-in-use', who: 'api', got, expected: 'a free port', next, cause });
  }
  return new TesseraError({
    code: 'address-unusable',
    who: 'api',
    got: `the address ${address} and port ${port}, where nothing can listen (${cause.code})`,
    expected: 'an address of this machine and a port that this user may open',
    next: `Leave HOST out to serve only this machine, ${other}`,
    cause,
  });
}
