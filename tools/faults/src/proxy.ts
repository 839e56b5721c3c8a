import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy on 127.0.0.1 whose connections can be cut and stalled. */
export interface Proxy {
  readonly port: number;
  /** Where new connections go. */
  retarget(port: number): void;
  /** Resets every open connection. */
  cut(): void;
  /** Sends half of the next piece of data of each connection, and then resets it. */
  cutHalfWay(): void;
  /** Passes nothing on for a while; the connections stay open. */
  stall(milliseconds: number): void;
  readonly connections: number;
  close(): Promise<void>;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  half: boolean;
}

export async function startProxy(target: number): Promise<Proxy> {
  const pairs = new Set<Pair>();
  let port = target;
  let stalled = false;
  const reset = ({ near, far }: Pair) => {
    near.resetAndDestroy();
    far.resetAndDestroy();
  };
  const pass = (from: Socket, to: Socket, pair: Pair) => {
    from.on('data', (data) => {
      if (pair.half) {
        to.write(data.subarray(0, data.length >> 1), () => reset(pair));
        return;
      }
      if (!to.write(data)) from.pause();
    });
    to.on('drain', () => stalled || from.resume());
    from.on('end', () => to.end()).on('error', () => to.destroy());
    from.on('close', () => pairs.delete(pair) && to.destroy());
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    near.setNoDelay(true);
    const pair: Pair = { near, far, half: false };
    pairs.add(pair);
    pass(near, far, pair);
    pass(far, near, pair);
    if (stalled) pause(pair);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let timer: NodeJS.Timeout | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    retarget: (to) => void (port = to),
    cut: () => pairs.forEach(reset),
    cutHalfWay: () => pairs.forEach((pair) => (pair.half = true)),
    stall(milliseconds) {
      stalled = true;
      pairs.forEach(pause);
      clearTimeout(timer);
      timer = setTimeout(() => {
        stalled = false;
        for (const { near, far } of pairs) for (const socket of [near, far]) socket.resume();
      }, milliseconds);
    },
    get connections() {
      return pairs.size;
    },
    async close() {
      clearTimeout(timer);
      pairs.forEach(reset);
      server.close();
      await once(server, 'close');
    },
  };
}

function pause({ near, far }: Pair): void {
  near.pause();
  far.pause();
}
