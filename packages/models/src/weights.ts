import * as tf from '@tensorflow/tfjs';
import { toFloat32, type Checkpoint, type Named, type TensorEntry } from '@tessera/checkpoints/web';
import { buildBackbone, checkParts, spaceFor, type Parts, type Weights } from '@tessera/core';
import { int8Weight, releaseInt8, tensorFrom, tensorOver, type Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { codesOf, isCodes, nameOf, scaleOf } from './int8-file.ts';
import type { WeightedComponent } from './manifest.ts';

/** Key of a weight file's metadata: names, separated by spaces, of the tensors that the model does not read. */
export const buffersKey = 'tessera.buffers';

/** Weights of one file, with a record of which were taken. */
export interface FileWeights extends Weights {
  /** Numbers in all tensors that were taken. */
  readonly parameters: number;
  /** What was taken, by name. */
  readonly taken: ReadonlyMap<string, tf.Tensor>;
  /** Whether weights are stored in 8 bits, so that none in float32 can be had. */
  readonly isInt8: boolean;
  /** Throws the problems found so far. Call it if building failed: they may be the cause. */
  check(): void;
  /**
   * Call it when everything is built: every name that was asked for must exist with that shape, and none may be left over.
   * @throws TesseraError weights-mismatch, which names the tensors
   */
  finish(): void;
  /** Releases the tensors. */
  dispose(): void;
}

/** Weights of a whole model. */
export type ModelWeights = Readonly<Record<WeightedComponent, FileWeights>>;

/** Opens a tensor where it is in its file, without reading it. */
type TensorOpener = (path: string, offset: number, form: TensorForm) => tf.Tensor;

interface TensorForm {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int8';
}

/**
 * An open file as weights. With `openTensor`, float32 tensors stay in the file until they are used; all others are read
 * and widened to float32 now, so the file may be closed afterwards. A tensor that is missing or has another shape is
 * replaced by one without data, so that several problems can be reported together: by `finish`, or by the `param` that
 * finds one too many.
 * @throws TesseraError of the file formats; `param`: weights-mismatch
 */
export async function checkpointWeights(file: Checkpoint, openTensor?: TensorOpener): Promise<FileWeights> {
  const read = new Map<string, Float32Array | Int8Array>();
  for (const { name, dtype, location } of file.tensors.values()) {
    const codes = dtype === 'int8' && isCodes(name);
    if (openTensor && (codes || dtype === 'float32') && location !== null) continue;
    if (codes) read.set(name, new Int8Array((await file.read(name)).buffer));
    else read.set(name, toFloat32(await file.read(name), dtype, { who: file.path, name }));
  }
  return new CheckpointWeights(file, read, openTensor);
}

/** Names and shapes of a file alone: everything can be built and checked with them, and nothing can be computed. */
export function headerWeights(file: Checkpoint): FileWeights {
  return new CheckpointWeights(file, new Map(), (_path, _offset, { shape }) => emptyTensor(shape));
}

class CheckpointWeights implements FileWeights {
  readonly #file: Checkpoint;
  readonly #read: ReadonlyMap<string, Float32Array | Int8Array>;
  readonly #openTensor: TensorOpener | undefined;
  readonly #taken = new Map<string, tf.Tensor>();
  readonly #problems: string[] = [];

  constructor(
    file: Checkpoint,
    read: ReadonlyMap<string, Float32Array | Int8Array>,
    openTensor: TensorOpener | undefined,
  ) {
    this.#file = file;
    this.#read = read;
    this.#openTensor = openTensor;
  }

  get parameters(): number {
    return [...this.#taken.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get taken(): ReadonlyMap<string, tf.Tensor> {
    return this.#taken;
  }

  get isInt8(): boolean {
    return [...this.#file.tensors.keys()].some(isCodes);
  }

  has(name: string): boolean {
    return this.#file.tensors.has(name) || this.#file.tensors.has(codesOf(name));
  }

  param(name: string, shape: readonly number[]): tf.Tensor {
    const known = this.#taken.get(name);
    if (known) return known;
    const codes = this.#file.tensors.get(codesOf(name));
    const entry = codes ? { ...codes, shape: codes.shape.toReversed() } : this.#file.tensors.get(name);
    const problem = problemOf(entry, name, shape);
    const open = (): tf.Tensor => (codes ? this.#openInt8(name, codes) : this.#open(entry!));
    const tensor = problem === null ? tf.keep(open()) : this.#standIn(problem, shape);
    this.#taken.set(name, tensor);
    return tensor;
  }

  #standIn(problem: string, shape: readonly number[]): tf.Tensor {
    this.#problems.push(problem);
    if (this.#problems.length > mostNamed) throw mismatch(this.#file.path, this.#problems);
    return emptyTensor(shape);
  }

  #open({ name, location, shape }: TensorEntry): tf.Tensor {
    const data = this.#read.get(name);
    if (data) return tensorOver(data, shape);
    const form = { shape, dtype: isCodes(name) ? 'int8' : 'float32' } as const;
    return this.#openTensor!(this.#file.path, location?.offset ?? 0, form);
  }

  /** The weight by its codes and scales, which `finish` counts as taken with it. */
  #openInt8(name: string, codes: TensorEntry): tf.Tensor {
    const scale = this.#file.tensors.get(scaleOf(name));
    const wrongType = codes.dtype === 'int8' ? null : `${codes.name} of ${codes.dtype} instead of int8`;
    const problem = wrongType ?? problemOf(scale, scaleOf(name), [codes.shape[1]!]);
    if (problem !== null) return this.#standIn(problem, codes.shape.toReversed());
    return int8Weight({ codes_IO: tf.keep(this.#open(codes)), scale_O: tf.keep(this.#open(scale!)) });
  }

  check(): void {
    if (this.#problems.length > 0) throw mismatch(this.#file.path, this.#problems);
  }

  finish(): void {
    const buffers = buffersOf(this.#file);
    const left = [...this.#file.tensors.keys()].filter((name) => !this.#taken.has(nameOf(name)) && !buffers.has(name));
    const problems = [...this.#problems, ...left.map((name) => `${name} left over`)];
    if (problems.length > 0) throw mismatch(this.#file.path, problems);
  }

  dispose(): void {
    for (const tensor of this.#taken.values()) {
      releaseInt8(tensor);
      tensor.dispose();
    }
    this.#taken.clear();
  }
}

/** Registered with no backend: it needs no memory and no disposal, and reading or computing with it throws. */
function emptyTensor(shape: readonly number[]): tf.Tensor {
  return new tf.Tensor([...shape], 'float32', {}, 0);
}

/** Names that the file marks as not read by the model. */
export function buffersOf({ values }: Checkpoint): ReadonlySet<string> {
  const listed = values.get(buffersKey);
  return new Set(typeof listed === 'string' ? listed.split(' ') : []);
}

/** Weights in memory, whose names and shapes are already checked. */
export async function memoryWeights(
  tensors: readonly { readonly name: string; readonly shape: readonly number[]; values(): MaybeLater<Float32Array> }[],
): Promise<Weights & { dispose(): void }> {
  const opened = new Map<string, tf.Tensor>();
  for (const { name, shape, values } of tensors) opened.set(name, tensorFrom(await values(), shape));
  return {
    has: (name) => opened.has(name),
    param: (name) => opened.get(name)!,
    dispose: () => tf.dispose([...opened.values()]),
  };
}

type MaybeLater<T> = T | Promise<T>;

/** Names and shapes of a state dict. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * Names and shapes that the parts ask for, by component. They are built from tensors without data and disposed again, so
 * even the largest model takes no time.
 */
export function recordedShapes(parts: Parts, engine: Engine): Readonly<Record<WeightedComponent, Shapes>> {
  const { configs, layout, space, width } = checkParts(parts);
  const shapes = { tokenizer: new Map(), backbone: new Map(), head: new Map() };
  const context = (component: WeightedComponent) => ({ engine, weights: recorder(shapes[component]) });
  const built: { dispose(): void }[] = [];
  try {
    const tokenizer = parts.tokenizer.plugin.build(configs.tokenizer, context('tokenizer'));
    built.push(tokenizer);
    const { plugin } = parts.backbone;
    const conditioned = { plugin, config: configs.backbone, condition: parts.condition };
    built.push(buildBackbone(conditioned, { layout, space }, context('backbone')));
    const { plugin: head } = parts.head;
    built.push(head.build(configs.head, { width, space: spaceFor(head, tokenizer.space) }, context('head')));
    return shapes;
  } finally {
    for (const part of built) part.dispose();
  }
}

function recorder(shapes: Map<string, readonly number[]>): Weights {
  return {
    has: () => true,
    param: (name, shape) => {
      shapes.set(name, shape);
      return emptyTensor(shape);
    },
  };
}

/** How a state dict differs from what the parts ask for; empty if it does not. */
export function differences(asked: Shapes, found: Shapes): string[] {
  const problems: string[] = [];
  for (const [name, shape] of asked) {
    const problem = problemOf(found.has(name) ? { shape: found.get(name)! } : undefined, name, shape);
    if (problem !== null) problems.push(problem);
  }
  for (const name of found.keys()) if (!asked.has(name)) problems.push(`${name} left over`);
  return problems;
}

function problemOf(
  found: Pick<TensorEntry, 'shape'> | undefined,
  name: string,
  shape: readonly number[],
): string | null {
  if (!found) return `${name} missing`;
  if (found.shape.length === shape.length && found.shape.every((side, axis) => side === shape[axis])) return null;
  return `${name} [${found.shape.join(', ')}] instead of [${shape.join(', ')}]`;
}

const mostNamed = 8;

/** Error for weights that do not fit their configuration. */
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

/**
 * The values, if all are finite.
 * @throws TesseraError weights-not-finite: a single NaN or infinity turns every image into NaN
 */
export function finiteWeights(values: Float32Array, { who, name }: Named): Float32Array {
  let none = 0; // stays 0 unless a value is not finite: faster than a test of each
  for (let index = 0; index < values.length; index++) none += values[index]! * 0;
  if (none === 0) return values;
  const index = values.findIndex((value) => !Number.isFinite(value));
  throw new TesseraError({
    code: 'weights-not-finite',
    who,
    got: `${name}[${index}] = ${values[index]}`,
    expected: 'finite numbers in every weight',
    next: 'Copy or download it again, or take weights from before their training diverged.',
  });
}
