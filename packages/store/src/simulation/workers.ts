import type { Engine } from '../database/engine.ts';
import type { Append, Claim, Claimed, EventBody, Store } from '../index.ts';
import { workerState } from '../testing/requests.ts';
import { STEPS, stepOf, tokensOf, type History } from './history.ts';
import { checkClaim, queueNow } from './check-claim.ts';
import { Process, Unanswered, type Thread, type World } from './world.ts';

export const MODEL = 'm';
const MAX_IMAGES = 3;

export interface SimulationParts {
  readonly world: World;
  readonly store: Store;
  /** Below the store, for what only the simulation asks. */
  readonly engine: Engine;
  readonly history: History;
}

/** What a worker runs. */
interface Member extends Claimed {
  seq: number;
  step: number;
  canceled: boolean;
}

/** A worker as @tessera/worker is: batches, beats, repeated appends; it stops only when it is killed or asked to. */
export class SimulatedWorker {
  readonly process: Process;
  draining = false;
  readonly #world: World;
  readonly #store: Store;
  readonly #engine: Engine;
  readonly #history: History;
  readonly #members = new Map<string, Member>();
  #claiming = false;

  constructor(name: string, parts: SimulationParts) {
    this.process = new Process(name);
    this.#world = parts.world;
    this.#store = parts.store;
    this.#engine = parts.engine;
    this.#history = parts.history;
    this.#world.spawn(this.process, (thread) => this.#work(thread));
  }

  async #work(thread: Thread): Promise<void> {
    const { queue } = this.#store;
    const { name: id } = this.process;
    await always(thread, () => queue.register({ id, name: id, state: workerState }));
    this.#world.spawn(this.process, (beats) => this.#beat(beats));
    while (!this.draining) {
      await this.#claim(thread, MAX_IMAGES);
      if (this.#members.size > 0) await this.#batch(thread);
      else await thread.sleepOrHint(this.#world.random.int(1500, 4000));
    }
    await always(thread, () => queue.unregister(id));
    this.process.dead = true;
  }

  async #beat(thread: Thread): Promise<void> {
    let unknown = new Set<string>();
    for (;;) {
      await thread.sleep(2000);
      const answer = await thread.call(() => this.#store.queue.beat(this.process.name, workerState)).catch(ignore);
      if (!answer) continue;
      for (const id of answer.canceled) if (this.#members.has(id)) this.#members.get(id)!.canceled = true;
      // Of claims whose answer was lost. One that is being answered now is known at the next beat.
      const strange = answer.owned.filter((claim) => !this.#claiming && !this.#knows(claim));
      const twice = strange.filter(({ id }) => unknown.has(id));
      unknown = new Set(strange.map(({ id }) => id));
      if (twice.length > 0) await thread.call(() => this.#store.queue.release(twice)).catch(ignore);
    }
  }

  #knows({ id, attempt }: Claim): boolean {
    return this.#members.get(id)?.attempt === attempt;
  }

  /** With a batch key: to join the batch that runs. */
  async #claim(thread: Thread, maxImages: number, batchKey?: string): Promise<void> {
    const request = {
      worker: this.process.name,
      models: [MODEL],
      maxImages,
      ...(batchKey !== undefined && { batchKey }),
    };
    this.#claiming = true;
    const claims = await thread
      .call(async () => {
        const before = await queueNow(this.#engine);
        const given = await this.#store.queue.claim(request);
        this.#history.wrong.push(...checkClaim(before, { request, given }));
        this.#history.claims.push(...given);
        return given;
      })
      .catch(ignore);
    this.#claiming = false;
    for (const claim of claims ?? []) {
      const { length } = claim.tokens;
      const first: EventBody =
        claim.attempt === 1 ? { kind: 'started' } : { kind: 'restarted', attempt: claim.attempt, fromStep: length };
      const member = { ...claim, seq: claim.lastSeq, step: length, canceled: false };
      this.#members.set(claim.id, member);
      await this.#append(thread, [this.#next(member, first)]);
    }
  }

  async #batch(thread: Thread): Promise<void> {
    const { random } = this.#world;
    while (this.#members.size > 0) {
      await thread.sleep(random.int(50, 1500));
      if (random.chance(this.#world.weather.slow / 3)) await this.#fail(thread);
      if (this.draining) return;
      const members = [...this.#members.values()];
      const events = members.flatMap((member) => this.#step(member));
      // What has gathered while an earlier append was in flight goes with it.
      const fast = members.filter(({ step, canceled }) => step < STEPS && !canceled && random.chance(0.4));
      await this.#append(thread, [...events, ...fast.flatMap((member) => this.#step(member))]);
      const [first] = this.#members.values();
      const images = [...this.#members.values()].reduce((sum, { request }) => sum + request.images.length, 0);
      if (first && !first.alone && images < MAX_IMAGES && random.chance(0.3)) {
        await this.#claim(thread, MAX_IMAGES - images, first.batchKey);
      }
    }
  }

  /** The models' process has ended with all that it ran. */
  async #fail(thread: Thread): Promise<void> {
    const claims = [...this.#members.values()].map(({ id, attempt }) => ({ id, attempt }));
    this.#members.clear();
    await always(thread, () => this.#store.queue.release(claims, { code: 'process-died', message: 'It ended.' }));
  }

  #step(member: Member): readonly Append[] {
    if (member.canceled) return [this.#next(member, { kind: 'canceled' })];
    const { step, attempt } = member;
    if (step === STEPS)
      return [this.#next(member, { kind: 'completed', images: [], timings: { steps: [], images: [], total: 0 } })];
    member.step += 1;
    return [{ ...this.#next(member, stepOf(step, attempt)), tokens: tokensOf(step, attempt) }];
  }

  #next(member: Member, body: EventBody): Append {
    member.seq += 1;
    return { id: member.id, attempt: member.attempt, seq: member.seq, body };
  }

  /** Until it is answered, as nothing of it may be lost. */
  async #append(thread: Thread, events: readonly Append[]): Promise<void> {
    const lost = await always(thread, () => this.#store.queue.append(events));
    const isLost = ({ id, attempt }: Claim) => lost.some((one) => one.id === id && one.attempt === attempt);
    for (const event of events) {
      if (!isLost(event)) this.#history.acknowledged.push(event);
      const ended = event.body.kind === 'completed' || event.body.kind === 'canceled';
      if ((ended || isLost(event)) && this.#knows(event)) this.#members.delete(event.id);
    }
  }
}

/** The same call until it is answered. */
async function always<T>(thread: Thread, run: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await thread.call(async () => ({ value: await run() })).catch(ignore);
    if (answer) return answer.value;
    await thread.sleep(200);
  }
}

function ignore(error: unknown): undefined {
  if (!(error instanceof Unanswered)) throw error;
  return undefined;
}
