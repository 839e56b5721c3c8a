import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { checkHistory } from './check-history.ts';
import { ask, follow, type Doors, type Wish } from './client.ts';
import { startNode, type Node, type NodeOptions } from './cluster.ts';
import { type Asked, type Final, type SeenEvent, type Stream } from './history.ts';
import { oneFault, type Targets } from './nemesis.ts';
import { randomOf, type Random } from './random.ts';
import { drawReferences } from './references.ts';

export interface FaultsOptions {
  readonly rounds: number;
  /**
   * Of generations that were under way. Where machines are so slow that faults come before anything runs, more rounds follow,
   * at most as many again, and each waits for a step first.
   */
  readonly leastRestarts: number;
  readonly seed: number;
  /** Generations that are always under way. */
  readonly underWay: number;
  readonly postgres: Targets['postgres'] & { readonly port: number; url(port: number): string };
  readonly disk: (Targets['disk'] & { readonly directory: string }) | null;
  /** For data and clocks. */
  readonly folder: string;
  print(line: string): void;
}

export interface FaultsReport {
  readonly faults: readonly string[];
  readonly generations: number;
  readonly streams: number;
  readonly events: number;
  readonly restarted: number;
}

/** Time between two faults, in milliseconds. */
const PAUSE_MS = 300;
/** After the last fault everything has to come to an end within this time. */
const REST_MS = 120_000;

/** Two APIs and two workers over one PostgreSQL: clients ask and follow, faults come, and the history is checked. */
export async function runFaults(options: FaultsOptions): Promise<FaultsReport> {
  const random = randomOf(options.seed);
  const nodes = await startNodes(options);
  const stop = new AbortController();
  // Every client and follower listens.
  setMaxListeners(0, stop.signal);
  try {
    const apis = nodes.filter(({ role }) => role === 'api');
    const doors = doorsOf(apis, randomOf(options.seed + 1));
    const targets: Targets = {
      apis,
      workers: nodes.filter(({ role }) => role === 'worker'),
      postgres: options.postgres,
      disk: options.disk,
      random,
      pending: new Set(),
    };
    const clients = startClients(doors, options, stop.signal);
    const { rounds, leastRestarts } = options;
    for (let round = 1; round <= (clients.restarts < leastRestarts ? 2 * rounds : rounds); round++) {
      if (round > rounds) await Promise.race([clients.nextStep(), clients.failed]);
      const done = await Promise.race([oneFault(targets), clients.failed]);
      options.print(`round ${round}: ${done}; ${clients.count} asked, ${clients.underWay} under way`);
      await wait(PAUSE_MS);
    }
    await Promise.all(targets.pending);
    for (const node of nodes) node.shiftClock(0);
    const { asked, streams } = await within(REST_MS, clients.finish(), () => clients.open());
    const finals = await readFinals(doors, asked, stop.signal);
    const references = await drawReferences(asked);
    const faults = checkHistory({ asked, streams, finals, references });
    const events = streams.reduce((sum, one) => sum + one.events.length, 0);
    const restarted = finals.reduce(
      (sum, one) => sum + one.events.filter(({ kind }) => kind === 'restarted').length,
      0,
    );
    return { faults, generations: asked.length, streams: streams.length, events, restarted };
  } finally {
    stop.abort();
    await Promise.all(nodes.map((node) => node.end()));
  }
}

async function startNodes({ postgres, folder, disk }: FaultsOptions): Promise<Node[]> {
  const common = {
    databasePort: postgres.port,
    databaseUrl: postgres.url,
    dataDirectory: disk?.directory ?? join(folder, 'data'),
    folder,
  };
  const all: NodeOptions[] = (['api', 'worker'] as const).flatMap((role) =>
    [1, 2].map((i) => ({ ...common, role, name: `${role}-${i}` })),
  );
  // One after the other: four at once would keep two cores busy for long.
  const nodes: Node[] = [];
  for (const one of all) {
    const node = await startNode(one);
    nodes.push(node);
    await node.ready();
  }
  return nodes;
}

/** Clients choose an API at each connection, as behind a balancer. */
function doorsOf(apis: readonly Node[], random: Random): Doors {
  return { url: () => `http://127.0.0.1:${random.of(apis).door!.port}` };
}

interface Clients {
  readonly count: number;
  readonly underWay: number;
  /** How often a generation that was under way went on after its worker had ended. */
  readonly restarts: number;
  /** Resolves when a step has been drawn since. */
  nextStep(): Promise<void>;
  /** Never resolves; rejects where a client met what must not be. */
  readonly failed: Promise<never>;
  /** What has not ended yet, in words. */
  open(): string;
  /** Asks for nothing more, and waits for the end of everything. */
  finish(): Promise<{ asked: Asked[]; streams: Stream[] }>;
}

function startClients(doors: Doors, { underWay, seed }: FaultsOptions, until: AbortSignal): Clients {
  const random = randomOf(seed + 2);
  const asked: Asked[] = [];
  const streams: Stream[] = [];
  const running = new Map<string, Promise<void>>();
  const restarts = new Set<string>();
  let steps = 0;
  let count = 0;
  let finishing = false;
  let fail: (error: unknown) => void;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined);
  const begin = (): void => {
    const wish = wishOf(random, seed, count++);
    const done = one(wish)
      .catch((error: unknown) => void (until.aborted || fail(error)))
      .finally(() => {
        running.delete(wish.key);
        if (!finishing && !until.aborted) begin();
      });
    running.set(wish.key, done);
  };
  const one = async (wish: Wish): Promise<void> => {
    const got = await ask(doors, wish, until);
    asked.push(got);
    const followers = 1 + random.below(2);
    const id = got.accepted[0]!;
    const heard = ({ kind, seq }: SeenEvent): void => {
      if (kind === 'restarted') restarts.add(`${id} ${seq}`);
      if (kind === 'step') steps++;
    };
    const follower = (i: number) => follow(doors, id, { subscriber: `${wish.key}-${i}`, random, until, heard });
    streams.push(...(await Promise.all(Array.from({ length: followers }, (_, i) => follower(i)))));
  };
  for (let i = 0; i < underWay; i++) begin();
  return {
    get count() {
      return count;
    },
    get underWay() {
      return running.size;
    },
    get restarts() {
      return restarts.size;
    },
    async nextStep() {
      for (const before = steps; steps === before;) await wait(50, undefined, { signal: until });
    },
    failed,
    open: () => [...running.keys()].join(', '),
    async finish() {
      finishing = true;
      await Promise.race([Promise.all(running.values()), failed]);
      return { asked, streams };
    },
  };
}

const models = ['digits-var', 'digits-mar', 'digits-mar-categorical'] as const;

function wishOf(random: Random, seed: number, i: number): Wish {
  const images = 1 + random.below(3);
  return {
    key: `wish-${seed}-${i}`,
    model: random.of(models),
    seed: random.below(1000),
    images,
    cancel: random.next() < 0.1,
  };
}

async function within<T>(time: number, task: Promise<T>, open: () => string): Promise<T> {
  const stop = new AbortController();
  const late = wait(time, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`Not ended ${time / 1000} s after the last fault: ${open()}`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([task, late]);
  } finally {
    stop.abort();
  }
}

/** The log of every generation, read again from the start by somebody new, and its pictures. */
async function readFinals(doors: Doors, asked: readonly Asked[], until: AbortSignal): Promise<Final[]> {
  const ids = [...new Set(asked.flatMap(({ accepted }) => accepted))];
  const random = randomOf(0);
  const finals: Final[] = [];
  for (let at = 0; at < ids.length; at += 20) {
    const part = ids.slice(at, at + 20).map(async (id): Promise<Final> => {
      const { events } = await follow(doors, id, { subscriber: 'final', random, until });
      const last = events.at(-1)!;
      return { id, state: last.kind, events, images: await readImages(doors, last, until) };
    });
    finals.push(...(await Promise.all(part)));
  }
  return finals;
}

async function readImages(doors: Doors, { kind, content }: SeenEvent, until: AbortSignal): Promise<(string | null)[]> {
  if (kind !== 'completed') return [];
  const [, , , { images }] = JSON.parse(content) as [string, null, null, { images: { sha256: string }[] }];
  return Promise.all(
    images.map(async ({ sha256 }) => {
      const response = await fetchPatiently(() => `${doors.url()}/images/${sha256}.png`, until);
      if (!response.ok) return null;
      const bytes = new Uint8Array(await response.arrayBuffer());
      return createHash('sha256').update(bytes).digest('hex');
    }),
  );
}

/** A process that was killed may still be starting. */
async function fetchPatiently(url: () => string, signal: AbortSignal): Promise<Response> {
  for (const end = Date.now() + REST_MS; ; await wait(500)) {
    try {
      return await fetch(url(), { signal });
    } catch (error) {
      if (signal.aborted || Date.now() > end) throw error;
    }
  }
}
