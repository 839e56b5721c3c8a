import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type {
  BuiltProgram,
  Device,
  DeviceNumbers,
  GraphTarget,
  Numbers,
  Port,
  ProgramProfile,
  TargetFunction,
  TargetProgram,
} from '../target.ts';
import { dropNumbers, holdNumbers, storedEntry, storedTensor } from '../tensors/tensors.ts';
import { ARRAYS, type DType, type ValueSpec } from '../trace/graph.ts';
import { readNumbers } from '../trace/tfjs-internals.ts';
import { Axes } from './axes.ts';
import {
  findTemplate,
  matches,
  traceProgram,
  type Template,
  type TracedFunction,
  type TracedProgram,
} from './templates.ts';
import { flatten, unflatten, type Skeleton, type Tree } from './tree.ts';

/** A session costs memory: each holds its own packed weights. */
const VARIANTS_KEPT = 8;
const PLANS_KEPT = 512;

/** What a call of certain shapes needs: the session it uses, what it feeds beside its arguments, what comes out. */
interface Plan {
  readonly variant: Variant;
  readonly slots: readonly Numbers[];
  readonly traced: Pick<TracedProgram, 'results' | 'captured'>;
}

/** What goes into a run: numbers that the device has already, which are held for the run, or numbers to upload. */
type Feed = { readonly held: DeviceNumbers } | Numbers;

/** A function with its traces and sessions. Results stay on the device until they are read. */
export class CompiledProgram implements TargetProgram {
  readonly #fn: TracedFunction;
  readonly #axes: Axes | null;
  /** By form, types and shapes of the arguments; the least recently used first. */
  readonly #plans = new Map<string, Plan>();
  readonly #variants: Variant[] = [];
  #disposed = false;
  #calls = 0;
  #alone: string | null = null;
  readonly #past = { tracing: 0, building: 0, running: 0 };

  constructor(fn: TargetFunction, target: GraphTarget) {
    this.#fn = { ...fn, target };
    this.#axes = fn.axes ? new Axes(fn.axes, fn.name) : null;
  }

  async call(args: readonly Tree[]): Promise<Tree> {
    const { name, target } = this.#fn;
    if (this.#disposed) throw disposedError(name);
    const { tensors, skeleton } = flatten(args, name);
    const plan = this.#planFor(tensors, skeleton);
    this.#calls += 1;
    const outputs = await plan.variant.run([...feedsOf(tensors, target.device, name), ...plan.slots]);
    const { skeleton: form, specs } = plan.traced.results;
    return unflatten(
      form,
      outputs.map((numbers, i) => storedTensor({ kind: 'device', numbers }, specs[i]!.shape, specs[i]!.dtype)),
    );
  }

  profile(): ProgramProfile {
    const total = (key: 'building' | 'running') =>
      this.#variants.reduce((sum, variant) => sum + variant[key], this.#past[key]);
    return {
      name: this.#fn.name,
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
    const inputs = tensors.map(({ shape, dtype }) => ({ shape: [...shape], dtype: checkDtype(dtype, this.#fn.name) }));
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
    const traced = traceProgram(this.#fn, form, inputs);
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
    const { template, alone } = findTemplate(this.#fn, this.#axes, { form, inputs, traced });
    this.#alone = alone ?? this.#alone;
    return this.#touch(new Variant(template, this.#fn));
  }

  /** Makes this variant the most recently used, and retires the oldest where there are too many. */
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

/** A template with its session, which is made by the first run and released after the last one of a retired variant. */
class Variant {
  readonly template: Template;
  readonly #fn: TracedFunction;
  #program: Promise<BuiltProgram> | null = null;
  #runs = 0;
  #retired = false;
  /** Milliseconds. */
  building = 0;
  running = 0;

  constructor(template: Template, fn: TracedFunction) {
    this.template = template;
    this.#fn = fn;
  }

  async run(feeds: readonly Feed[]): Promise<readonly DeviceNumbers[]> {
    const uploaded: DeviceNumbers[] = [];
    this.#runs += 1;
    try {
      this.#program ??= this.#build();
      const program = await this.#program;
      const upload = async (feed: Feed): Promise<DeviceNumbers> => {
        if ('held' in feed) return feed.held;
        const numbers = await this.#fn.target.upload(feed);
        uploaded.push(numbers);
        return numbers;
      };
      const inputs = await Promise.all(feeds.map(upload));
      const compiles = program.compilesFor?.(inputs) ?? false;
      const start = performance.now();
      const results = await program.run(inputs);
      this[compiles ? 'building' : 'running'] += performance.now() - start;
      return results;
    } finally {
      for (const numbers of uploaded) numbers.release();
      dropFeeds(feeds);
      this.#runs -= 1;
      this.#releaseIfIdle();
    }
  }

  async #build(): Promise<BuiltProgram> {
    const { target, name, memory } = this.#fn;
    const start = performance.now();
    const program = await target.build(this.template.model, { name, memory });
    this.building += performance.now() - start;
    return program;
  }

  /** No further runs; those under way finish. */
  retire(): void {
    this.#retired = true;
    this.#releaseIfIdle();
  }

  #releaseIfIdle(): void {
    if (!this.#retired || this.#runs > 0 || !this.#program) return;
    const program = this.#program;
    this.#program = null;
    void program.then(
      (built) => built.release(),
      () => undefined, // its run has reported why it could not be built
    );
  }
}

/** The numbers of the arguments, as they are now. */
function feedsOf(tensors: readonly Tensor[], device: Device, who: string): Feed[] {
  const feeds: Feed[] = [];
  try {
    for (const tensor of tensors) feeds.push(feedOf(tensor, device, who));
    return feeds;
  } catch (error) {
    dropFeeds(feeds);
    throw error;
  }
}

function feedOf({ dataId, dtype, shape }: Tensor, device: Device, who: string): Feed {
  const entry = storedEntry(dataId);
  if (entry?.kind === 'device' && entry.numbers.device === device) return { held: holdNumbers(entry.numbers) };
  const type = dtype as DType;
  const data = readNumbers(dataId, who);
  return { data: data instanceof ARRAYS[type] ? data : ARRAYS[type].from(data), dtype: type, shape };
}

function dropFeeds(feeds: readonly Feed[]): void {
  for (const feed of feeds) if ('held' in feed) dropNumbers(feed.held);
}

/** A template fixes the sizes of axes without names. */
function fits(ports: readonly Port[], inputs: readonly ValueSpec[]): boolean {
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

function disposedError(who: string): TesseraError {
  return new TesseraError({
    code: 'program-disposed',
    who,
    got: 'a call after dispose()',
    expected: 'no calls any more',
    next: 'Dispose engines and programs last.',
  });
}
