import { performance } from 'node:perf_hooks';
import type { SampleEvent, Written } from '@tessera/core';
import type { Edit, Model } from '@tessera/models';
import { togetherOf } from '@tessera/request';
import { Member } from './member.ts';
import { failureParts, type HostEvent, type Job, type JobEvent } from './protocol.ts';
import { readEdit } from './read-edit.ts';
import { imageEvent, stepEvent, type Drawn } from './tell.ts';
import { TokenWatch } from './token-watch.ts';
import { joinWritten, sliceWritten } from './written-bytes.ts';

/** Work that joins may add to a batch, in shares of a whole run: those who were there first wait for it. */
const JOIN_BUDGET = 1 / 2;

/** Replayed steps that take longer are a sign of life, in milliseconds. */
const SLOW = 500;

export interface BatchParts {
  readonly model: Model;
  /** Memory that the images of one batch may take together, in bytes. */
  readonly batchBytes: number;
  /** Takes what has happened, in order; waited for one step later, so that PNGs are made while the model goes on. */
  tell(events: Promise<readonly JobEvent[]>, room: number): Promise<void>;
}

/** Those who take the next steps together. */
interface Group {
  readonly members: readonly [Member, ...Member[]];
  /** The steps that others have: there these join them. */
  readonly until: number;
  /** Aborts when all of them have left. */
  readonly stop: AbortController;
}

/**
 * Runs generations of one model together. It changes only between two steps: a newcomer, one that leaves and one that goes
 * on from an earlier run are the same thing, a loop that is opened again with what its members have written. Those with
 * the fewest steps go first, until they have as many as the next; so all come together.
 */
export class Batch {
  readonly #parts: BatchParts;
  #running: Member[] = [];
  #waiting: Member[] = [];
  #group: Group | null = null;
  /** Of the furthest member, its share of a run that is done: see `shareOf`. */
  #done = 0;
  /** Work that joins have added. */
  #spent = 0;
  #stopped = false;

  constructor(parts: BatchParts) {
    this.#parts = parts;
  }

  /** Images of a request that fit into memory together: larger ones take more. */
  #capacityOf({ size }: Pick<Job['request'], 'size'>): number {
    const { batchBytes, model } = this.#parts;
    return Math.max(1, Math.floor(batchBytes / model.at(size).imageBytes));
  }

  /** Runs until nothing is left, or until it is stopped. Never throws. */
  async run(): Promise<void> {
    while (!this.#stopped && this.#running.length + this.#waiting.length > 0) {
      await this.#dismiss();
      await this.#admit();
      const group = this.#next();
      if (group && !this.#stopped) await this.#advance(group);
    }
    await this.#dismiss();
  }

  /** True where all members have left. */
  get deserted(): boolean {
    return [...this.#running, ...this.#waiting].every(({ gone }) => gone);
  }

  add(jobs: readonly Job[]): void {
    for (const job of jobs) {
      try {
        this.#waiting.push(new Member(job, this.#capacityOf(job.request)));
      } catch (error) {
        void this.#parts.tell(Promise.resolve([{ key: job.key, event: failed(error) }]), this.#room());
      }
    }
  }

  /** It leaves at the next step boundary. False where it is not here. */
  leave(key: number): boolean {
    const member = [...this.#running, ...this.#waiting].find((one) => one.key === key && !one.gone);
    if (!member) return false;
    member.gone = true;
    if (this.#group?.members.every(({ gone }) => gone)) this.#group.stop.abort();
    return true;
  }

  /** Ends `run` at the next step boundary. */
  stop(): void {
    this.#stopped = true;
  }

  /** Removes those that have left. */
  async #dismiss(): Promise<void> {
    const left = [...this.#running, ...this.#waiting].filter(({ gone }) => gone);
    this.#waiting = this.#waiting.filter(({ gone }) => !gone);
    this.#running = this.#running.filter(({ gone }) => !gone);
    if (left.length > 0) await this.#tell(left.map(({ key }) => ({ key, event: { type: 'canceled' } })));
  }

  /** Takes in who may join now. */
  async #admit(): Promise<void> {
    if (this.#running.length === 0) this.#done = this.#spent = 0;
    const joining = this.#joining();
    if (joining.length > 0) this.#spent += this.#price();
    this.#running.push(...joining);
    this.#waiting = this.#waiting.filter((member) => !joining.includes(member));
    if (joining.length > 0) await this.#tell(joining.map(beginning));
  }

  /** Those that wait and may join the ones that run; the first that waits where none does. */
  #joining(): Member[] {
    const joining: Member[] = [];
    const payable = this.#spent + this.#price() <= JOIN_BUDGET;
    let images = imagesOf(this.#running);
    for (const member of this.#waiting) {
      const first = this.#running[0] ?? joining[0];
      const fits = first && first.shares !== null && first.shares === member.shares && !first.apart && payable;
      const capacity = this.#capacityOf(member.part.request);
      if (member.gone || (first && !(fits && images + member.images <= capacity))) continue;
      joining.push(member);
      images += member.images;
    }
    return joining;
  }

  /** What a join adds now: the newcomers catch up, and where the backbone keeps caches, all steps so far are replayed. */
  #price(): number {
    return this.#done * (this.#parts.model.remembers ? 2 : 1);
  }

  /** Images that would join at the next step boundary. */
  #room(): number {
    const [first] = this.#running;
    if (!first || first.shares === null || first.apart || this.#stopped) return 0;
    if (this.#spent + this.#price() > JOIN_BUDGET) return 0;
    return Math.max(0, this.#capacityOf(first.part.request) - imagesOf(this.#running) - imagesOf(this.#waiting));
  }

  /** Those with the fewest steps; one alone where a batch has failed. Null where none runs. */
  #next(): Group | null {
    const stop = new AbortController();
    const apart = this.#running.find((member) => member.apart);
    if (apart) return { members: [apart], until: Infinity, stop };
    const levels = this.#running.map(({ level }) => level);
    const fewest = Math.min(...levels);
    const [first, ...others] = this.#running.filter(({ level }) => level === fewest);
    const until = Math.min(...levels.filter((level) => level > fewest));
    return first ? { members: [first, ...others], until, stop } : null;
  }

  async #advance(group: Group): Promise<void> {
    this.#group = group;
    try {
      await this.#run(group);
    } catch (error) {
      if (!group.stop.signal.aborted) await this.#fail(group, error);
    } finally {
      this.#group = null;
    }
  }

  /** A failed step of several generations does not show which one failed: each goes on alone, from what it has written. */
  async #fail({ members }: Group, error: unknown): Promise<void> {
    if (members.length > 1) return members.forEach((member) => void (member.apart = true));
    this.#end(members[0]);
    await this.#tell([{ key: members[0].key, event: failed(error) }]);
  }

  async #run(group: Group): Promise<void> {
    const { model } = this.#parts;
    const { members, stop } = group;
    const [first] = members;
    const request = togetherOf([first.part.request, ...members.slice(1).map(({ part }) => part.request)]);
    const watch = request.details ? new TokenWatch() : null;
    const edit = await this.#editOf(first);
    const run = { written: writtenOf(members), signal: stop.signal, ...edit, ...(watch && { observe: watch.observe }) };
    const from = first.level;
    let before = performance.now();
    for await (const event of model.run(request, run)) {
      const milliseconds = performance.now() - before;
      const replayed = event.type === 'step' && event.step.index < from;
      if (!replayed) await this.#take(group, { event, watch, milliseconds });
      // No member is told, but the watchdog sees that it goes on.
      else if (milliseconds > SLOW) await this.#tell([]);
      if (event.type === 'step' && event.step.index + 1 < event.step.of && this.#breaks(group, event.step.index + 1))
        return;
      before = performance.now();
    }
    for (const member of members) if (!member.gone && member.endPart()) this.#end(member);
  }

  async #editOf({ job: { request, files } }: Member): Promise<{ readonly edit?: Edit }> {
    const { model } = this.#parts;
    const { edit, size } = request;
    if (!edit) return {};
    return {
      edit: await readEdit(edit, {
        size: model.at(size).image,
        who: model.name,
        fileOf: (name) => files[name] ?? name,
      }),
    };
  }

  /** Keeps what a step has written, and tells it, each member its own part. */
  async #take({ members }: Group, drawn: Omit<Drawn, 'rows'>): Promise<void> {
    const { event, milliseconds } = drawn;
    const all = imagesOf(members);
    let first = 0;
    const events: Promise<JobEvent[]>[] = [];
    for (const member of members) {
      const rows = { first, count: member.images, all };
      first += rows.count;
      if (event.type === 'step') {
        const { step } = event;
        member.part.written[step.index] = sliceWritten(event.written, rows);
        this.#done = Math.max(this.#done, this.#shareOf(step, member));
      } else if (event.row < rows.first || event.row >= first) continue;
      if (member.gone) continue;
      member.spend(event.type === 'step' ? 'steps' : 'images', milliseconds);
      events.push(this.#eventsOf(member, { ...drawn, rows }));
    }
    await this.#parts.tell(
      Promise.all(events).then((told) => told.flat()),
      this.#room(),
    );
  }

  /** A picture that cannot be made ends its generation alone. */
  async #eventsOf(member: Member, drawn: Drawn): Promise<JobEvent[]> {
    const { key } = member;
    try {
      const { event, rows } = drawn;
      if (event.type === 'step') return [{ key, event: await stepEvent(member, event, drawn) }];
      const isLast = event.row === rows.first + rows.count - 1 && member.isLastPart;
      // Read before the picture is made: the member may have gone on by then.
      const completed: HostEvent[] = isLast ? [{ type: 'completed', timings: member.timings }] : [];
      return [await imageEvent(member, event, drawn), ...completed].map((one) => ({ key, event: one }));
    } catch (error) {
      member.gone = true;
      this.#end(member);
      return [{ key, event: failed(error) }];
    }
  }

  /** Share of a run that is done: of the tokens where replaying costs, since later steps have more; else of the steps. */
  #shareOf({ index, of, after }: Extract<SampleEvent, { type: 'step' }>['step'], { part }: Member): number {
    const { model } = this.#parts;
    return model.remembers ? 1 - after / model.at(part.request.size).layout.length : (index + 1) / of;
  }

  /** Whether the loop must be opened again here: for others, to stop, or because it repays to go on without some. */
  #breaks({ members, until }: Group, level: number): boolean {
    if (level >= until || this.#stopped) return true;
    if (this.#joining().length > 0) return true;
    const gone = imagesOf(members.filter((member) => member.gone)) / imagesOf(members);
    return gone > (this.#parts.model.remembers ? this.#done : 0);
  }

  #end(member: Member): void {
    this.#running = this.#running.filter((one) => one !== member);
  }

  #tell(events: readonly JobEvent[]): Promise<void> {
    return this.#parts.tell(Promise.resolve(events), this.#room());
  }
}

function imagesOf(members: readonly Member[]): number {
  return members.reduce((sum, { images }) => sum + images, 0);
}

function writtenOf(members: readonly [Member, ...Member[]]): readonly Written[] {
  const [first, ...others] = members;
  return first.part.written.map((one, step) => joinWritten([one, ...others.map(({ part }) => part.written[step]!)]));
}

function beginning({ key, job: { written } }: Member): JobEvent {
  return { key, event: written.length > 0 ? { type: 'restarted', fromStep: written.length } : { type: 'started' } };
}

function failed(error: unknown): HostEvent {
  return { type: 'failed', ...failureParts(error) };
}
