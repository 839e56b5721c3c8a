import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { ProgramProfile, Tree } from '../engine.ts';
import type { Numbers } from '../numbers.ts';
import { passiveTensor } from '../passive/passive-backend.ts';
import { matches } from '../polymorph.ts';
import type { DType, TypedArray } from '../trace/graph.ts';
import type { ValueSpec } from '../trace/recorder.ts';
import { readNumbers } from '../trace/tfjs-internals.ts';
import { Axes } from './axes.ts';
import { findTemplate } from './find-template.ts';
import { traceProgram, type TracedFunction, type TracedProgram } from './trace-program.ts';
import { flatten, unflatten, type Skeleton } from './tree.ts';
import { Variant } from './variant.ts';

/** Sessions are dear: each holds its own packed weights. */
const VARIANTS_KEPT = 8;
const PLANS_KEPT = 512;

/** What a call of certain shapes needs: the session it uses, what it feeds beside its arguments, what comes out. */
interface Plan {
  readonly variant: Variant;
  readonly slots: readonly Numbers[];
  readonly traced: Pick<TracedProgram, 'results' | 'captured'>;
}

export interface CompiledOptions extends TracedFunction {
  readonly axes?: readonly string[] | undefined;
  readonly memory?: 'keep' | 'release' | undefined;
}

/** A function with its traces and sessions. */
export class CompiledProgram {
  readonly #options: CompiledOptions;
  readonly #axes: Axes | null;
  /** By form, types and shapes of the arguments; the least recently used first. */
  readonly #plans = new Map<string, Plan>();
  readonly #variants: Variant[] = [];
  #disposed = false;
  #calls = 0;
  #alone: string | null = null;
  readonly #past = { tracing: 0, building: 0, running: 0 };

  constructor(options: CompiledOptions) {
    this.#options = options;
    this.#axes = options.axes ? new Axes(options.axes, options.name) : null;
  }

  /** Arguments are read before the first await: the caller may dispose them at once. */
  async call(args: readonly Tree[]): Promise<Tree> {
    const { name } = this.#options;
    if (this.#disposed) throw disposedError(name);
    const { tensors, skeleton } = flatten(args, name);
    const plan = this.#planFor(tensors, skeleton);
    this.#calls += 1;
    const numbers = [...tensors.map((tensor) => numbersOf(tensor, name)), ...plan.slots];
    const outputs = await plan.variant.run(numbers);
    const { skeleton: form, specs } = plan.traced.results;
    return unflatten(
      form,
      outputs.map((output, i) => resultTensor(output, specs[i]!)),
    );
  }

  profile(): ProgramProfile {
    const total = (key: 'building' | 'running') =>
      this.#variants.reduce((sum, variant) => sum + variant[key], this.#past[key]);
    return {
      name: this.#options.name,
      calls: this.#calls,
      shapes: this.#plans.size,
      sessions: this.#variants.length,
      alone: this.#alone,
      tracing: this.#past.tracing,
      building: total('building'),
      running: total('running'),
    };
  }

  dispose(): void {
    this.#disposed = true;
    this.#forget();
  }

  #forget(): void {
    for (const variant of this.#variants.splice(0)) this.#retire(variant);
  }

  #planFor(tensors: readonly Tensor[], form: Skeleton): Plan {
    const inputs = tensors.map(({ shape, dtype }) => ({
      shape: [...shape],
      dtype: checkDtype(dtype, this.#options.name),
    }));
    const key = JSON.stringify([form, inputs.map(({ shape, dtype }) => [dtype, shape])]);
    const known = this.#plans.get(key);
    if (known && !isStale(known)) {
      this.#plans.delete(key);
      this.#plans.set(key, known);
      this.#touch(known.variant);
      return known;
    }
    if (known) this.#forget(); // a variable has new numbers: sessions hold the old ones
    const start = performance.now();
    const plan = this.#makePlan(form, inputs);
    this.#past.tracing += performance.now() - start;
    this.#plans.set(key, plan);
    if (this.#plans.size > PLANS_KEPT) this.#plans.delete(this.#plans.keys().next().value!);
    return plan;
  }

  #makePlan(form: Skeleton, inputs: readonly ValueSpec[]): Plan {
    this.#axes?.bind(inputs.map(({ shape }) => shape));
    const traced = traceProgram(this.#options, form, inputs);
    const variant = this.#variantFor(form, inputs, traced);
    const slots = variant.template.slots.map((slot): Numbers => {
      const { data, dtype, dims } = traced.model.constants.get(slot)!;
      return { data, dtype, shape: dims };
    });
    return { variant, slots, traced: { results: traced.results, captured: traced.captured } };
  }

  #variantFor(form: Skeleton, inputs: readonly ValueSpec[], traced: TracedProgram): Variant {
    const known = this.#variants.find(
      ({ template }) => fits(template.model.inputs, inputs) && matches(template, traced.model),
    );
    if (known) return this.#touch(known);
    const { template, alone } = findTemplate(this.#options, this.#axes, { form, inputs, traced });
    this.#alone = alone ?? this.#alone;
    return this.#touch(new Variant(template, this.#options));
  }

  /** Makes this variant the most recently used, and lets the oldest go where there are too many. */
  #touch(variant: Variant): Variant {
    const at = this.#variants.indexOf(variant);
    if (at >= 0) this.#variants.splice(at, 1);
    this.#variants.push(variant);
    if (this.#variants.length > VARIANTS_KEPT) this.#retire(this.#variants.shift()!);
    return variant;
  }

  #retire(variant: Variant): void {
    for (const [key, plan] of this.#plans) if (plan.variant === variant) this.#plans.delete(key);
    this.#past.building += variant.building;
    this.#past.running += variant.running;
    variant.retire();
  }
}

/** A template fixes the sizes of axes without names. */
function fits(ports: Variant['template']['model']['inputs'], inputs: readonly ValueSpec[]): boolean {
  return inputs.every(({ shape }, i) => {
    const dims = ports[i]!.dims!;
    return dims.length === shape.length && dims.every((dim, j) => typeof dim === 'string' || dim === shape[j]);
  });
}

function isStale({ traced }: Plan): boolean {
  return traced.captured.some(({ tensor, dataId }) => tensor.dataId !== dataId);
}

function checkDtype(dtype: string, who: string): DType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  const expected = 'float32, int32 or bool';
  throw new TesseraError({ code: 'dtype-not-traceable', who, got: `a tensor of ${dtype}`, expected });
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

function numbersOf({ dataId, dtype, shape }: Tensor, who: string): Numbers {
  const type = dtype as DType;
  const data: TypedArray = readNumbers(dataId, who);
  return { data: data instanceof ARRAYS[type] ? data : ARRAYS[type].from(data), dtype: type, shape };
}

function resultTensor(data: TypedArray, { shape, dtype }: ValueSpec): Tensor {
  return passiveTensor({ kind: 'memory', data }, shape, dtype);
}

function disposedError(who: string): TesseraError {
  return new TesseraError({
    code: 'program-disposed',
    who,
    got: 'a call after dispose()',
    expected: 'no calls any more',
    next: 'Dispose engines and programs last.',
  });
}
