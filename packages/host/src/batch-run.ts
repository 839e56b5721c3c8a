import { eventQueue, type EventQueue } from './event-queue.ts';
import type { FoundModel } from './folders.ts';
import type { BatchEnd, BatchEvent, BatchMember, BatchRun } from './host-types.ts';
import { isTerminal, type Job, type JobEvent, type ToChild } from './protocol.ts';

/** What a run needs of its host. */
export interface RunPort {
  readonly model: FoundModel;
  send(message: ToChild): void;
  /** The last one has left, and the models' process has yet to come to its end. */
  onDeserted(): void;
  /** The models' process has nothing more to do for it. */
  onOver(): void;
}

let lastKey = 0;

/** A run as its reader sees it, and what the models' process still has to do for it: the first may end before the other. */
export class HostRun implements BatchRun {
  readonly id: number;
  readonly ended: Promise<BatchEnd>;
  readonly #port: RunPort;
  readonly #queue: EventQueue<BatchEvent> = eventQueue(() => this.#abandon());
  /** Those whose last event was not given yet. */
  readonly #members = new Map<number, BatchMember>();
  /** Those that the models' process has not ended yet. */
  readonly #open = new Set<number>();
  #room = 0;
  #begun = false;
  #stopping = false;
  #finished = false;
  #resolve!: (end: BatchEnd) => void;

  constructor(id: number, members: readonly BatchMember[], port: RunPort) {
    this.id = id;
    this.#port = port;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
    this.#take(members);
  }

  get model(): FoundModel {
    return this.#port.model;
  }

  get events(): AsyncIterable<BatchEvent> {
    return this.#queue.values;
  }

  get room(): number {
    return this.#stopping || this.#finished ? 0 : this.#room;
  }

  /** True where nothing is to be sent to the models' process. */
  get finished(): boolean {
    return this.#finished;
  }

  join(members: readonly BatchMember[]): boolean {
    if (this.#stopping || this.#finished) return false;
    const jobs = this.#take(members);
    this.#room -= members.reduce((sum, { request }) => sum + request.images.length, 0);
    if (this.#begun) this.#send(jobs);
    return true;
  }

  leave(id: string): void {
    for (const [key, member] of this.#members) {
      if (member.id !== id) continue;
      this.#members.delete(key);
      this.#queue.push({ id, event: { type: 'canceled' } });
      if (this.#begun) this.#port.send({ type: 'leave', key });
      else this.#open.delete(key);
    }
    if (this.#members.size > 0) return;
    this.#finish(null);
    if (this.#begun) this.#port.onDeserted();
  }

  stop(): void {
    this.#stopping = true;
    if (this.#begun) this.#port.send({ type: 'stop', run: this.id });
    else this.#finish(null);
  }

  /** Its turn has come. */
  begin(): void {
    this.#begun = true;
    this.#send([...this.#members].map(([key, member]) => this.#jobOf(key, member)));
  }

  /** From the models' process. */
  tell(events: readonly JobEvent[], room: number): void {
    this.#room = room;
    for (const { key, event } of events) {
      const member = this.#members.get(key);
      if (member) this.#queue.push({ id: member.id, event });
      if (!isTerminal(event)) continue;
      this.#members.delete(key);
      this.#open.delete(key);
    }
    if (this.#members.size === 0) this.#finish(null);
    if (this.#open.size === 0) this.#port.onOver();
  }

  /** The models' process has stopped it. */
  stopped(): void {
    this.#finish(null);
    this.#port.onOver();
  }

  /** The models' process does not go on with it. */
  fail({ code, message }: { readonly code: string; readonly message: string }): void {
    this.#finish({ code, message });
  }

  #take(members: readonly BatchMember[]): readonly Job[] {
    return members.map((member) => {
      const key = ++lastKey;
      this.#members.set(key, member);
      this.#open.add(key);
      return this.#jobOf(key, member);
    });
  }

  #jobOf(key: number, { request, written, files = {} }: BatchMember): Job {
    return { key, request, written, files };
  }

  #send(jobs: readonly Job[]): void {
    const { folder, description } = this.#port.model;
    this.#port.send({ type: 'run', run: this.id, folder, parameters: description.parameters, jobs });
  }

  #abandon(): void {
    for (const { id } of [...this.#members.values()]) this.leave(id);
  }

  #finish(failure: BatchEnd['failure']): void {
    if (this.#finished) return;
    this.#finished = true;
    const unfinished = [...this.#members.values()].map(({ id }) => id);
    this.#resolve({ begun: this.#begun, unfinished, failure });
    this.#members.clear();
    this.#queue.end();
  }
}
