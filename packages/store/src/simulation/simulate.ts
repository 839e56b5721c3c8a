import type { Engine, Statement } from '../database/engine.ts';
import { isLast, type GenerationEvent, type NewGeneration } from '../index.ts';
import { newGeneration, requestOf } from '../testing/requests.ts';
import { checkHistory } from './check-history.ts';
import { History } from './history.ts';
import { Random } from './random.ts';
import { SimulatedWorker, type SimulationParts } from './workers.ts';
import { Process, Unanswered, World, type Thread } from './world.ts';

const STORM_MS = 12_000;
/** By then everything must have ended, without any more faults. */
const END_MS = 120_000;

/** Runs one seed on an empty database whose time is `setTime`. @returns what was wrong */
export async function simulate(
  seed: number,
  {
    store,
    engine,
    setTime,
  }: Pick<SimulationParts, 'store' | 'engine'> & { readonly setTime: (ms: number) => Promise<void> },
): Promise<readonly string[]> {
  const random = new Random(seed);
  const world = new World(random, setTime);
  world.weather = { unanswered: random.next() * 0.2, doubled: random.next() * 0.2, slow: random.next() * 0.1 };
  const history = new History();
  const parts = { world, store, engine, history };
  const stop = store.onHint(() => world.hint());
  spawnClients(parts);
  const workers = spawnWorkers(parts);
  spawnReapers(parts);
  spawnStorm(parts, workers);
  try {
    await runToEnd(parts);
  } catch (error) {
    history.wrong.push(`the store threw ${String(error)}`);
  }
  stop();
  return checkHistory(history, store);
}

async function runToEnd({ world, engine, history }: SimulationParts): Promise<void> {
  await world.run(STORM_MS);
  while (world.now < END_MS && ((await unfinished(engine)) > 0 || history.reading > 0))
    await world.run(world.now + 2000);
}

const unfinishedStatement: Statement = {
  name: 'unfinished',
  sql: `SELECT count(*)::integer AS count FROM generation WHERE state IN ('queued', 'running')`,
};

/** Also those that no one reads yet: their client still waits for the answer to its creation. */
async function unfinished(engine: Engine): Promise<number> {
  const [row] = await engine.run<{ readonly count: number }>(unfinishedStatement);
  return row!.count;
}

function spawnReapers({ world, store }: SimulationParts): void {
  for (const name of ['reaper 1', 'reaper 2']) {
    world.spawn(new Process(name), async (thread) => {
      while (world.now < END_MS) {
        await thread.sleep(world.random.int(1000, 3000));
        await thread.call(() => store.queue.reap()).catch(ignore);
      }
    });
  }
}

/** Kills workers, stops them for longer than their lease, or asks them to leave; others come in their place. */
function spawnStorm(parts: SimulationParts, workers: SimulatedWorker[]): void {
  const { world } = parts;
  const { random } = world;
  world.spawn(new Process('storm'), async (thread) => {
    while (world.now < STORM_MS) {
      await thread.sleep(random.int(500, 6000));
      const nth = random.int(0, workers.length - 1);
      const worker = workers[nth]!;
      if (random.chance(0.4)) worker.process.pausedUntil = world.now + random.int(100, 15_000);
      else if (random.chance(0.3)) worker.draining = true;
      else worker.process.dead = true;
      if (worker.draining || worker.process.dead) workers[nth] = new SimulatedWorker(`${random.uuid()}`, parts);
    }
    world.calmDown();
  });
}

function spawnWorkers(parts: SimulationParts): SimulatedWorker[] {
  return Array.from(
    { length: parts.world.random.int(1, 3) },
    () => new SimulatedWorker(parts.world.random.uuid(), parts),
  );
}

function spawnClients(parts: SimulationParts): void {
  const { random } = parts.world;
  for (const client of ['a', 'b', 'c'].slice(0, random.int(1, 3))) {
    parts.world.spawn(new Process(client), async (thread) => {
      for (let i = random.int(1, 3); i > 0; i--) {
        await thread.sleep(random.int(0, 6000));
        await create(parts, thread, wishOf(random, client));
      }
    });
  }
}

function wishOf(random: Random, client: string): NewGeneration {
  return newGeneration({
    id: random.uuid(),
    owner: { tenant: '', client },
    request: requestOf(random.int(1, 2)),
    batchKey: random.pick(['k', 'k', 'other']),
    priority: random.pick([0, 0, 0, 5]),
    idempotencyKey: random.chance(0.3) ? random.pick(['x', 'y']) + client : null,
    deadline: random.chance(0.1) ? new Date(random.int(2000, 30_000)) : null,
  });
}

/** As a client does it: the same again until it is answered; then perhaps it follows, cancels or deletes. */
async function create(parts: SimulationParts, thread: Thread, wish: NewGeneration): Promise<void> {
  const { world, store, history } = parts;
  const limits = { maxQueue: 100, maxQueueOfClient: 100 };
  let id: string | null = null;
  while (id === null) {
    try {
      const made = await thread.call(() => store.generations.create(wish, limits));
      id = made.generation.id;
      if (!made.existed) history.accepted.set(id, wish);
    } catch (error) {
      // Another request than the first of its key.
      if ((error as { code?: unknown }).code === 'idempotency-conflict') return;
      ignore(error);
    }
  }
  const own = id;
  const key = wish.idempotencyKey;
  if (key !== null) {
    if ((history.keys.get(key) ?? own) !== own)
      history.wrong.push(`key ${key} gave ${history.keys.get(key)} and ${own}`);
    history.keys.set(key, own);
  }
  world.spawn(new Process('reader'), (reader) => follow(parts, reader, own));
  await thread.sleep(world.random.int(0, 3000));
  if (world.random.chance(0.25)) await thread.call(() => store.generations.cancel(own)).catch(ignore);
  else if (world.random.chance(0.1)) {
    history.removed.add(own);
    for (const one of history.keys) if (one[1] === own) history.keys.delete(one[0]);
    await thread.call(() => store.generations.remove(own)).catch(ignore);
  }
}

/** Reads in parts until the last event, as a subscription does on any replica. */
async function follow({ world, store, history }: SimulationParts, thread: Thread, id: string): Promise<void> {
  const events: GenerationEvent[] = [];
  history.readings.push({ id, events });
  history.reading += 1;
  let more = false;
  for (;;) {
    if (!more) await thread.sleepOrHint(world.random.int(2000, 8000));
    const most = world.random.int(1, 4);
    const answer = await thread
      .call(() => store.generations.eventsAfter([{ id, after: events.length, most }]))
      .catch(ignore);
    const fresh = answer?.get(id);
    more = fresh?.length === most;
    events.push(...(fresh ?? []));
    const last = events.at(-1);
    if ((answer && !fresh) || (last && isLast(last.kind))) break;
  }
  history.reading -= 1;
}

function ignore(error: unknown): undefined {
  if (!(error instanceof Unanswered)) throw error;
  return undefined;
}
