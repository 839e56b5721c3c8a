import { once } from 'node:events';
import process from 'node:process';
import WebSocket from 'ws';

/*
 * A process of many clients, for tests whose own process is the server: they would share its event loop.
 */

/** What it is asked for, and what it answers. */
export interface FollowerTask {
  /** `follow`: each id by so many sockets, to its end. `flood`: so many subscriptions of one socket to the first id. */
  readonly kind: 'follow' | 'flood';
  readonly url: string;
  readonly ids: readonly string[];
  readonly count: number;
}

export interface Followed {
  readonly kind: 'followed';
  /** Of each socket, all seqs in the order in which they came; many are the same and come once. */
  readonly seqs: readonly (readonly number[])[];
  /** Milliseconds from the time in an event until it was here: of the slowest socket, of each event. */
  readonly delays: readonly number[];
}

export interface Flooded {
  readonly kind: 'flooded';
  /** Codes of the refusals, each with how often it came. */
  readonly refused: Readonly<Record<string, number>>;
}

const query =
  'subscription ($id: ID!) { generationEvents(id: $id) { seq kind at ... on StepEvent { index positions } } }';

interface Message {
  readonly id?: string;
  readonly type: string;
  readonly payload?: unknown;
}

async function open(url: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  return socket;
}

const subscribe = (socket: WebSocket, name: string, id: string) =>
  socket.send(JSON.stringify({ id: name, type: 'subscribe', payload: { query, variables: { id } } }));

/** Calls `hear` with each message until it returns true. */
function listen(socket: WebSocket, hear: (message: Message) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('message', (bytes: Buffer) => hear(JSON.parse(bytes.toString()) as Message) && resolve());
    socket.once('close', (code) => reject(new Error(`closed with ${code}`)));
  });
}

async function followAll({ url, ids, count }: FollowerTask): Promise<Followed> {
  const delays: number[] = [];
  const sockets = [];
  for (const id of ids) for (let n = 0; n < count; n++) sockets.push({ id, socket: await open(url) });
  const all = sockets.map(async ({ id, socket }) => {
    const seqs: number[] = [];
    const done = listen(socket, ({ type, payload }) => {
      if (type !== 'next') return type === 'complete';
      const { seq, kind, at } = (payload as { data: { generationEvents: { seq: number; kind: string; at: string } } })
        .data.generationEvents;
      if (kind === 'WAITING') return false;
      seqs.push(seq);
      delays[seq] = Math.max(delays[seq] ?? 0, Date.now() - Date.parse(at));
      return false;
    });
    subscribe(socket, 'one', id);
    await done;
    socket.terminate();
    return seqs.join(' ');
  });
  const distinct = [...new Set(await Promise.all(all))];
  return {
    kind: 'followed',
    seqs: distinct.map((text) => text.split(' ').map(Number)),
    delays: delays.filter(Boolean),
  };
}

/** The first fill the socket; each further one has to be refused. */
async function flood({ url, ids, count }: FollowerTask): Promise<Flooded> {
  const socket = await open(url);
  const refused: Record<string, number> = {};
  let left = count;
  const done = listen(socket, ({ type, payload }) => {
    if (type !== 'error') return false;
    const code = (payload as { extensions: { code: string } }[])[0]!.extensions.code;
    refused[code] = (refused[code] ?? 0) + 1;
    left -= 1;
    return left === 0;
  });
  for (let n = 0; n < count + 256; n++) {
    subscribe(socket, `n${n}`, ids[0]!);
    if (n % 500 === 0) await new Promise(setImmediate);
  }
  await done;
  socket.terminate();
  return { kind: 'flooded', refused };
}

process.on('message', (task: FollowerTask) => {
  void (task.kind === 'follow' ? followAll(task) : flood(task)).then((answer) => process.send!(answer));
});
