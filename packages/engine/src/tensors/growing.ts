/// <reference lib="es2024.arraybuffer" />
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { shareTensor, tensorFrom } from './tensors.ts';

/**
 * Float32 tensors that grow together along their first axis, as the keys and values of a transformer do from step to step.
 * They stay where the target computes.
 */
export interface GrowingTensors {
  /** What has been appended so far, [rows, ...shape] each. The caller disposes them before the next append. */
  view(): readonly Tensor[];
  /** Takes new rows of each tensor, [n, ...shape], behind the others, and disposes them. */
  append(added: readonly Tensor[]): Promise<void>;
  /** Gives the memory back. No program may be reading it. */
  release(): void;
}

export interface GrowingSpec {
  /** How many tensors. */
  readonly count: number;
  /** Of one row. */
  readonly shape: readonly number[];
  /** Rows at most. */
  readonly rows: number;
}

/**
 * In memory: rows come first, so appending is one copy to the end, and what is filled is one unbroken stretch that programs read
 * in place. The buffers grow where they are; their memory goes back to the system when they are released, not when a
 * garbage collection comes. Over ten scales of VAR this adds half of what programs cost that give back grown caches.
 */
export class MemoryGrowing implements GrowingTensors {
  readonly #shape: readonly number[];
  readonly #buffers: readonly ArrayBuffer[];

  constructor({ count, shape, rows }: GrowingSpec) {
    this.#shape = shape;
    const maxByteLength = rows * this.#rowBytes;
    this.#buffers = Array.from({ length: count }, () => new ArrayBuffer(0, { maxByteLength }));
  }

  get #rowBytes(): number {
    return this.#shape.reduce((product, size) => product * size, Float32Array.BYTES_PER_ELEMENT);
  }

  view(): readonly Tensor[] {
    return this.#buffers.map((buffer) => {
      const used = buffer.byteLength;
      const numbers = new Float32Array(buffer, 0, used / Float32Array.BYTES_PER_ELEMENT);
      return tensorFrom(numbers, [used / this.#rowBytes, ...this.#shape]);
    });
  }

  async append(added: readonly Tensor[]): Promise<void> {
    for (const [i, tensor] of added.entries()) {
      const values = await tensor.data<'float32'>();
      const buffer = this.#buffers[i]!;
      const end = buffer.byteLength;
      buffer.resize(end + values.byteLength);
      new Float32Array(buffer, end).set(values);
    }
    tf.dispose([...added]);
  }

  release(): void {
    for (const buffer of this.#buffers) buffer.resize(0);
  }
}

/** Joins what has grown and what is added, tensor by tensor, along the first axis. */
export type Join = (grown: readonly Tensor[], added: readonly Tensor[]) => Promise<readonly Tensor[]>;

/** On a device: a program there joins old and new rows, and nothing goes through memory. */
export class DeviceGrowing implements GrowingTensors {
  readonly #join: Join;
  #grown: readonly Tensor[] = [];

  constructor(join: Join) {
    this.#join = join;
  }

  view(): readonly Tensor[] {
    return this.#grown.map((tensor) => shareTensor(tensor, 'growing'));
  }

  async append(added: readonly Tensor[]): Promise<void> {
    const before = this.#grown;
    this.#grown = before.length > 0 ? await this.#join(before, added) : added;
    if (before.length > 0) tf.dispose([...before, ...added]);
  }

  release(): void {
    tf.dispose([...this.#grown]);
    this.#grown = [];
  }
}

/** Empty until the first append, which decides where the tensors grow. */
export class Growing implements GrowingTensors {
  readonly #spec: GrowingSpec;
  readonly #open: () => Promise<GrowingTensors>;
  #tensors: GrowingTensors | null = null;
  #isReleased = false;

  constructor(spec: GrowingSpec, open: () => Promise<GrowingTensors>) {
    this.#spec = spec;
    this.#open = open;
  }

  /** @throws TesseraError `tensors-released` */
  view(): readonly Tensor[] {
    if (this.#isReleased) throw released();
    const { count, shape } = this.#spec;
    return this.#tensors?.view() ?? Array.from({ length: count }, () => tensorFrom(new Float32Array(0), [0, ...shape]));
  }

  async append(added: readonly Tensor[]): Promise<void> {
    if (this.#isReleased) throw released();
    this.#tensors ??= await this.#open();
    await this.#tensors.append(added);
  }

  release(): void {
    this.#isReleased = true;
    this.#tensors?.release();
  }
}

function released(): TesseraError {
  return new TesseraError({
    code: 'tensors-released',
    who: 'engine.growing',
    got: 'a use of tensors that have been released',
    expected: 'none after release()',
  });
}
