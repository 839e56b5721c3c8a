import * as tf from '@tensorflow/tfjs';
import type { NamedTensorMap, Tensor, Variable } from '@tensorflow/tfjs';
import type { BuiltProgram, GraphTraining } from '../target.ts';
import type { DType, ValueSpec } from '../trace/graph.ts';
import { trace } from '../trace/trace.ts';
import { adamw, SCALARS } from './optimise.ts';
import { differentiate, evaluateLoss } from './optimise.ts';
import type { Batch, Slots, TrainStepSpec } from './spec.ts';

/** A program of a training step. */
export interface StepProgram {
  readonly program: BuiltProgram;
  readonly auxNames: readonly string[];
  /** Which parameters the loss reaches, in their order. */
  readonly reached: readonly boolean[];
}

interface ProgramMaker {
  readonly spec: TrainStepSpec;
  readonly training: GraphTraining;
}

/** The programs of one training step, made when first needed. */
export class StepPrograms {
  readonly #maker: ProgramMaker;
  readonly #programs = new Map<string, Promise<StepProgram>>();
  /** Milliseconds in which programs were traced and built. */
  building = 0;

  constructor(spec: TrainStepSpec, training: GraphTraining) {
    this.#maker = { spec, training };
  }

  /** Feeds: batch, key, values. Results: loss, aux. */
  evaluation(batch: Batch): Promise<StepProgram> {
    return this.#get(`evaluation ${signatureOf(batch)}`, () => evaluationProgram(this.#maker, batch));
  }

  /** Feeds: batch, key, scalars, moments, values. Results: loss, norm, aux, slots of what is reached. */
  step(batch: Batch): Promise<StepProgram> {
    return this.#get(`step ${signatureOf(batch)}`, () => stepProgram(this.#maker, batch));
  }

  /** Feeds: batch, key, sums of gradients, values. Results: loss, aux, new sums of what is reached. */
  accumulation(batch: Batch): Promise<StepProgram> {
    return this.#get(`accumulation ${signatureOf(batch)}`, () => accumulationProgram(this.#maker, batch));
  }

  /** Feeds: share, scalars, sums of gradients, moments, values. Results: norm, slots of what is reached. */
  update(reached: readonly boolean[]): Promise<StepProgram> {
    return this.#get(`update ${reached.join()}`, () => updateProgram(this.#maker, reached));
  }

  async release(): Promise<void> {
    const made = await Promise.allSettled(this.#programs.values());
    this.#programs.clear();
    for (const one of made) if (one.status === 'fulfilled') await one.value.program.release();
  }

  #get(key: string, make: () => Promise<StepProgram>): Promise<StepProgram> {
    const known = this.#programs.get(key);
    if (known) return known;
    const start = performance.now();
    const made = make();
    this.#programs.set(key, made);
    void made.finally(() => (this.building += performance.now() - start)).catch(() => undefined);
    made.catch(() => this.#programs.delete(key));
    return made;
  }
}

/** Names and forms of a batch's tensors: batches of one signature share programs. */
function signatureOf(batch: Batch): string {
  return namesOf(batch)
    .map((name) => `${name}:${batch[name]!.dtype}[${batch[name]!.shape}]`)
    .join(' ');
}

export function namesOf(batch: Batch): string[] {
  return Object.keys(batch).sort();
}

/** The slots of one parameter, in the order of feeds and results. */
export function slotNames(spec: TrainStepSpec): (keyof Slots<unknown>)[] {
  return spec.ema ? ['param', 'm', 'v', 'ema'] : ['param', 'm', 'v'];
}

function evaluationProgram(maker: ProgramMaker, batch: Batch): Promise<StepProgram> {
  return build(maker, [...batchSpecs(batch), KEY], (inputs) => {
    const { loss, aux } = evaluateLoss(maker.spec, named(batch, inputs), inputs.at(-1)!);
    return { results: [loss, ...Object.values(aux)], aux, reached: [] };
  });
}

function stepProgram(maker: ProgramMaker, batch: Batch): Promise<StepProgram> {
  const { spec } = maker;
  const specs = [...batchSpecs(batch), KEY, SCALAR_SPEC, ...momentSpecs(spec)];
  return build(maker, specs, (inputs) => {
    const rest = inputs.slice(namesOf(batch).length);
    const { loss, aux, gradients } = differentiate(spec, named(batch, inputs), rest[0]!);
    const { gradNorm, slots } = update(spec, { gradients, scalars: rest[1]!, moments: rest.slice(2), share: 1 });
    return { results: [loss, gradNorm, ...Object.values(aux), ...slots], aux, reached: gradients.map(Boolean) };
  });
}

function accumulationProgram(maker: ProgramMaker, batch: Batch): Promise<StepProgram> {
  const { spec } = maker;
  return build(maker, [...batchSpecs(batch), KEY, ...paramSpecs(spec)], (inputs) => {
    const rest = inputs.slice(namesOf(batch).length);
    const { loss, aux, gradients } = differentiate(spec, named(batch, inputs), rest[0]!);
    const sums = gradients.map((gradient, i) => gradient && tf.add(rest[1 + i]!, gradient));
    const present = sums.filter((sum) => sum !== null);
    return { results: [loss, ...Object.values(aux), ...present], aux, reached: gradients.map(Boolean) };
  });
}

function updateProgram(maker: ProgramMaker, reached: readonly boolean[]): Promise<StepProgram> {
  const { spec } = maker;
  const specs = [SHARE, SCALAR_SPEC, ...paramSpecs(spec), ...momentSpecs(spec)];
  return build(maker, specs, ([share, scalars, ...rest]) => {
    const sums = rest.slice(0, spec.params.length).map((sum, i) => (reached[i] ? sum : null));
    const moments = rest.slice(spec.params.length);
    const { gradNorm, slots } = update(spec, { gradients: sums, scalars: scalars!, moments, share: share! });
    return { results: [gradNorm, ...slots], aux: {}, reached };
  });
}

const KEY: ValueSpec = { shape: [2], dtype: 'int32' };
const SCALAR_SPEC: ValueSpec = { shape: [SCALARS], dtype: 'float32' };
const SHARE: ValueSpec = { shape: [], dtype: 'float32' };

interface Traced {
  readonly results: readonly Tensor[];
  readonly aux: Readonly<NamedTensorMap>;
  readonly reached: readonly boolean[];
}

/** Variables, trained and frozen, become the last feeds. */
async function build(
  { spec, training }: ProgramMaker,
  inputs: readonly ValueSpec[],
  fn: (inputs: readonly Tensor[]) => Traced,
): Promise<StepProgram> {
  let traced: Traced | null = null;
  const request = { name: spec.name, inputs, parameters: variablesOf(spec), whole: training.whole };
  const graph = trace((...placeholders) => {
    traced = fn(placeholders);
    return traced.results;
  }, request);
  const { aux, reached } = traced!;
  tf.dispose(aux as NamedTensorMap);
  const program = await training.build(graph, spec.name);
  return { program, auxNames: Object.keys(aux), reached };
}

/** Trained variables, then frozen ones. */
export function variablesOf({ params, frozen = [] }: TrainStepSpec): Variable[] {
  return [...params, ...frozen].map(({ variable }) => variable);
}

interface UpdateInputs {
  readonly gradients: readonly (Tensor | null)[];
  readonly scalars: Tensor;
  /** m, v and perhaps ema of the first parameter, of the second ... */
  readonly moments: readonly Tensor[];
  readonly share: Tensor | number;
}

function update(spec: TrainStepSpec, { gradients, scalars, moments, share }: UpdateInputs) {
  const each = slotNames(spec).length - 1;
  const before = spec.params.map(({ variable }, i): Slots<Tensor> => {
    const [m, v, ema] = moments.slice(i * each, (i + 1) * each) as [Tensor, Tensor, Tensor?];
    return { param: variable as Tensor, m, v, ...(ema && { ema }) };
  });
  const { gradNorm, slots } = adamw(before, gradients, { spec, scalars, share: share as tf.Scalar });
  return { gradNorm, slots: slots.flatMap((slot) => (slot ? slotNames(spec).map((name) => slot[name]!) : [])) };
}

function batchSpecs(batch: Batch): ValueSpec[] {
  return namesOf(batch).map((name) => ({ shape: batch[name]!.shape, dtype: batch[name]!.dtype as DType }));
}

function paramSpecs({ params }: TrainStepSpec): ValueSpec[] {
  return params.map(({ variable }) => ({ shape: variable.shape, dtype: 'float32' }));
}

function momentSpecs(spec: TrainStepSpec): ValueSpec[] {
  return paramSpecs(spec).flatMap((param) =>
    slotNames(spec)
      .slice(1)
      .map(() => param),
  );
}

function named(batch: Batch, inputs: readonly Tensor[]): Batch {
  return Object.fromEntries(namesOf(batch).map((name, i) => [name, inputs[i]!]));
}
