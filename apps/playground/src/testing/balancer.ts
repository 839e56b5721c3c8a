import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** One address for several servers: each connection goes to the next server in turn that takes it. */
export interface Balancer {
  readonly url: string;
  /** Server of the newest WebSocket. */
  socketAt(): string | null;
  /** Ends every connection, and takes none until `reopen`. */
  cut(): void;
  reopen(): void;
  close(): Promise<void>;
}

export async function startBalancer(servers: readonly string[]): Promise<Balancer> {
  const open = new Set<Socket>();
  let turn = 0;
  let newest: string | null = null;
  let isCut = false;
  const serve = async (near: Socket): Promise<void> => {
    // Connections that come at once must not take each other's turns: each tries every server.
    const first = turn++;
    for (let tries = 0; tries < servers.length; tries++) {
      const server = servers[(first + tries) % servers.length]!;
      const far = await reach(server);
      if (!far) continue;
      near.once('data', (head: Buffer) => {
        if (/^upgrade: websocket/im.test(head.toString('latin1'))) newest = server;
      });
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy()).on('close', () => far.destroy());
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
      return;
    }
    near.destroy();
  };
  const door = createServer((near) => {
    if (isCut) return void near.destroy();
    open.add(near);
    near.on('error', () => undefined).once('close', () => open.delete(near));
    void serve(near);
  });
  await once(door.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
    socketAt: () => newest,
    cut() {
      isCut = true;
      for (const socket of open) socket.destroy();
    },
    reopen: () => void (isCut = false),
    async close() {
      for (const socket of open) socket.destroy();
      await once(door.close(), 'close');
    },
  };
}

/** Null where nothing listens. */
function reach(server: string): Promise<Socket | null> {
  const { port } = new URL(server);
  const far = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
  return new Promise((resolve) => far.once('connect', () => resolve(far)).once('error', () => resolve(null)));
}
