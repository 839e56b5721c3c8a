import type { Written } from '@tessera/core';
import { batchKey, batchOf, type Checked, type GenerationRequest } from '@tessera/request';
import type { Job, Timings } from './protocol.ts';
import { decodeWritten, type WrittenStep } from './written-bytes.ts';

/** How many images a generation makes at once, and where they stand among all. */
export interface Part {
  readonly request: Checked<GenerationRequest>;
  /** Its first image among all. */
  readonly first: number;
  /** What its steps have written, this time or before. */
  readonly written: Written[];
}

/** A generation in the models' process: what it has made so far. More images than fit into memory are made in parts. */
export class Member {
  readonly key: number;
  readonly job: Job;
  readonly parts: number;
  /** Generations of equal key share a batch; null where it runs alone. */
  readonly shares: string | null;
  /** It has left, or it has ended. */
  gone = false;
  /** It was in a batch that failed, and runs alone: the others must not suffer from it. */
  apart = false;
  part: Part;
  /** Steps written in an earlier run that belong to later parts. */
  #stored: readonly WrittenStep[];
  readonly #size: number;
  readonly #steps: number[] = [];
  readonly #images: number[] = [];

  /**
   * `size`: images that fit into memory at once.
   * @throws TesseraError `written-unreadable`
   */
  constructor(job: Job, size: number) {
    const { key, request } = job;
    this.key = key;
    this.job = job;
    this.#stored = job.written.map(decodeWritten);
    // What is written on a machine with more memory, or with less, keeps its parts.
    this.#size = this.#stored[0]?.images ?? size;
    this.parts = Math.ceil(request.images.length / this.#size);
    this.shares = this.parts > 1 || request.edit ? null : batchKey(request, String(key));
    this.part = this.#open(0);
  }

  get images(): number {
    return this.part.request.images.length;
  }

  /** Steps of the part that are written. */
  get level(): number {
    return this.part.written.length;
  }

  get isLastPart(): boolean {
    return this.part.first + this.#size >= this.job.request.images.length;
  }

  /** True where this was the last part; else the next one is open. */
  endPart(): boolean {
    if (this.isLastPart) return true;
    this.part = this.#open(this.part.first + this.#size);
    return false;
  }

  spend(on: 'steps' | 'images', milliseconds: number): void {
    (on === 'steps' ? this.#steps : this.#images).push(milliseconds);
  }

  get timings(): Timings {
    const [steps, images] = [this.#steps, this.#images];
    return { steps, images, total: [...steps, ...images].reduce((sum, one) => sum + one, 0) };
  }

  /** Index of a step of this part among all steps, and how many those are. */
  place({ index, of }: { readonly index: number; readonly of: number }): { index: number; of: number } {
    return { index: (this.part.first / this.#size) * of + index, of: this.parts * of };
  }

  #open(first: number): Part {
    const own = this.#stored.slice(0, this.#stored[0]?.of ?? 0);
    this.#stored = this.#stored.slice(own.length);
    const request = this.parts > 1 ? batchOf(this.job.request, first, this.#size) : this.job.request;
    return { request, first, written: own.map(({ written }) => written) };
  }
}
