import * as tf from '@tensorflow/tfjs';
import { openCheckpoint, toFloat32, type Checkpoint, type TensorEntry } from '@tessera/checkpoints';
import type { Weights } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { fileTensor } from '@tessera/targets';
import { TesseraError } from '@tessera/errors';

/** Key of a weight file's metadata: names, apart by blanks, of the tensors that the model does not read. */
export const buffersKey = 'tessera.buffers';

/** Weights of one file, and an account of which were taken. */
export interface FileWeights extends Weights {
  /** Numbers in all tensors that were taken. */
  readonly parameters: number;
  /** Throws the problems met so far: call when building failed, since they may be the cause. */
  check(): void;
  /**
   * Call when everything is built: every name that was asked for must be there with that shape, and nothing may be left.
   * @throws TesseraError weights-mismatch, with the names of both sides
   */
  finish(): void;
  /** Releases the tensors. */
  dispose(): void;
}

/**
 * Opens a safetensors file as weights. float32 tensors stay in the file until they are read; 16-bit ones are widened in
 * memory. A tensor that is missing or of another shape is stood in for by one without bytes, so that several problems
 * can be told at once: `finish` throws them, or the `param` that meets one too many.
 * @throws TesseraError of the file formats; `param`: weights-mismatch
 */
export async function fileWeights(path: string): Promise<FileWeights> {
  const file = await openCheckpoint(path);
  try {
    return new SafetensorsWeights(file, await widenAll(file));
  } finally {
    await file.close();
  }
}

/** What cannot be used where it lies. */
async function widenAll(file: Checkpoint): Promise<ReadonlyMap<string, Float32Array>> {
  const wide = new Map<string, Float32Array>();
  for (const { name, dtype, location } of file.tensors.values()) {
    if (dtype === 'float32' && location !== null) continue;
    wide.set(name, toFloat32(await file.read(name), dtype, { who: file.path, name }));
  }
  return wide;
}

class SafetensorsWeights implements FileWeights {
  readonly #file: Checkpoint;
  readonly #wide: ReadonlyMap<string, Float32Array>;
  readonly #taken = new Map<string, tf.Tensor>();
  readonly #problems: string[] = [];

  constructor(file: Checkpoint, wide: ReadonlyMap<string, Float32Array>) {
    this.#file = file;
    this.#wide = wide;
  }

  get parameters(): number {
    return [...this.#taken.values()].reduce((sum, { size }) => sum + size, 0);
  }

  has(name: string): boolean {
    return this.#file.tensors.has(name);
  }

  param(name: string, shape: readonly number[]): tf.Tensor {
    const known = this.#taken.get(name);
    if (known) return known;
    const entry = this.#file.tensors.get(name);
    const problem = problemOf(entry, name, shape);
    const tensor = problem === null ? tf.keep(this.#open(entry!, shape)) : this.#standIn(problem, shape);
    this.#taken.set(name, tensor);
    return tensor;
  }

  /** Never registered with a backend: the claimed shape costs no memory. */
  #standIn(problem: string, shape: readonly number[]): tf.Tensor {
    this.#problems.push(problem);
    if (this.#problems.length > mostNamed) throw mismatch(this.#file.path, this.#problems);
    return new tf.Tensor([...shape], 'float32', {}, 0);
  }

  #open({ name, location }: TensorEntry, shape: readonly number[]): tf.Tensor {
    const data = this.#wide.get(name);
    if (data) return tensorFrom(data, [...shape]);
    return fileTensor({ path: this.#file.path, offset: location!.offset, shape: [...shape], dtype: 'float32' });
  }

  check(): void {
    if (this.#problems.length > 0) throw mismatch(this.#file.path, this.#problems);
  }

  finish(): void {
    const buffers = buffersOf(this.#file);
    const left = [...this.#file.tensors.keys()].filter((name) => !this.#taken.has(name) && !buffers.has(name));
    const problems = [...this.#problems, ...left.map((name) => `${name} left over`)];
    if (problems.length > 0) throw mismatch(this.#file.path, problems);
  }

  dispose(): void {
    for (const tensor of this.#taken.values()) tensor.dispose();
    this.#taken.clear();
  }
}

/** Names that the file itself says the model does not read. */
export function buffersOf({ values }: Checkpoint): ReadonlySet<string> {
  const listed = values.get(buffersKey);
  return new Set(typeof listed === 'string' ? listed.split(' ') : []);
}

function problemOf(entry: TensorEntry | undefined, name: string, shape: readonly number[]): string | null {
  if (!entry) return `${name} missing`;
  if (entry.shape.length === shape.length && entry.shape.every((side, axis) => side === shape[axis])) return null;
  return `${name} [${entry.shape.join(', ')}] instead of [${shape.join(', ')}]`;
}

const mostNamed = 8;

/** One sentence for weights that do not fit their configuration. */
export function mismatch(who: string, problems: readonly string[]): TesseraError {
  const more = problems.length > mostNamed ? ', and more' : '';
  return new TesseraError({
    code: 'weights-mismatch',
    who,
    got: `${problems.slice(0, mostNamed).join('; ')}${more}`,
    expected: 'exactly the tensors that the configuration asks for',
    next: 'Correct the configuration, or take the weights that belong to it.',
  });
}
