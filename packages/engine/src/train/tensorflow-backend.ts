import * as tf from '@tensorflow/tfjs';
import type { Variable } from '@tensorflow/tfjs';
import type { Numbers } from '../numbers.ts';
import type { TensorFlowBinding } from '../tensorflow/binding.ts';
import { isLoweredWhole, isOwnOp, lowerGraph } from '../tensorflow/lower-graph.ts';
import { lowerInParts } from '../tensorflow/lower-in-parts.ts';
import { buildTfProgram, type TfProgram } from '../tensorflow/program.ts';
import { hasOwnOps, type TensorFlowOptions } from '../tensorflow/program-target.ts';
import { createTensor, loadTensorFlow } from '../tensorflow/runtime.ts';
import { WeightStore } from '../tensorflow/weight-store.ts';
import type { DType, Graph } from '../trace/graph.ts';
import { readNumbers } from '../trace/tfjs-internals.ts';
import type { Slots } from './adamw.ts';
import type { Batch } from './gradients.ts';
import type { ParameterStore } from './parameter-store.ts';
import type { Measured, Proposal, ProposalRequest, StepBackend } from './step-backend.ts';
import { StepPrograms, namesOf, slotNames, variablesOf, type StepProgram } from './step-programs.ts';
import type { TrainStepSpec } from './train-step.ts';

/** A tensor of the binding, by id. */
type Id = number;

/**
 * Runs the step as one program per form of batch, between its products compiled by XLA. A step makes new tensors for
 * parameters and moments, which take the place of the old ones only when the step is accepted.
 */
export class TensorFlowBackend implements StepBackend {
  readonly #spec: TrainStepSpec;
  readonly #store: ParameterStore<Id>;
  readonly #binding: TensorFlowBinding;
  readonly #programs: StepPrograms<TfProgram>;
  /** Null until first needed, so that variables may be assigned before. */
  #slots: Slots<Id>[] | null = null;
  /** Programs that have run: XLA compiles in the first. */
  readonly #ran = new WeakSet<TfProgram>();
  /** Milliseconds. */
  #firstRuns = 0;

  constructor(spec: TrainStepSpec, store: ParameterStore<Id>, options: TensorFlowOptions) {
    const { threads, xla } = options;
    const binding = loadTensorFlow(threads);
    this.#spec = spec;
    this.#store = store;
    this.#binding = binding;
    const weights = new WeightStore(binding);
    this.#programs = new StepPrograms(spec, {
      whole: (fused) => isLoweredWhole(fused, hasOwnOps(options)),
      build: async (graph, name) => {
        const model = xla === 'auto' && isWorthCompiling(graph) ? lowerInParts(graph) : lowerGraph(graph);
        return buildTfProgram(binding, model, { name, xla: xla === 'always', weights });
      },
    });
    for (const [i, { variable }] of spec.params.entries()) store.own(variable, async () => this.#state()[i]!.param);
  }

  get compiling(): number {
    return this.#programs.building + this.#firstRuns;
  }

  async propose(request: ProposalRequest): Promise<Proposal> {
    return request.batches.length === 1 ? this.#proposeOne(request) : this.#proposeMany(request);
  }

  /** Everything in one program. */
  async #proposeOne({ batches, keys, scalars }: ProposalRequest): Promise<Proposal> {
    const batch = batches[0]!;
    const { program, auxNames, reached } = await this.#programs.step(batch);
    const own = [...this.#feed(batchNumbers(batch, keys[0]!)), ...this.#feed([vector(scalars)])];
    const results = await this.#run(program, { own, lent: this.#moments() });
    const [loss, norm] = [results[0]!, results[1]!];
    const aux = results.slice(2, 2 + auxNames.length);
    const measured = this.#measure([loss, ...aux], auxNames);
    const gradNorm = this.#takeNumber(norm);
    return { measured: [measured], gradNorm, ...this.#decision(results.slice(2 + auxNames.length), reached) };
  }

  /** One program adds up gradients, batch by batch; another takes the step. */
  async #proposeMany({ batches, keys, scalars }: ProposalRequest): Promise<Proposal> {
    let sums = this.#spec.params.map(({ variable }) => this.#zeros(variable));
    const measured: Measured[] = [];
    const reached = this.#spec.params.map(() => false);
    try {
      for (const [i, batch] of batches.entries()) {
        const accumulation = await this.#programs.accumulation(batch);
        accumulation.reached.forEach((isReached, param) => (reached[param] ||= isReached));
        const added = await this.#accumulate(accumulation, { batch, key: keys[i]!, sums });
        measured.push(added.measured);
        sums = added.sums;
      }
      const { program } = await this.#programs.update(reached);
      const own = this.#feed([scalar(1 / batches.length), vector(scalars)]);
      const [norm, ...slots] = await this.#run(program, { own, lent: [...sums, ...this.#moments()] });
      return { measured, gradNorm: this.#takeNumber(norm!), ...this.#decision(slots, reached) };
    } finally {
      this.#drop(sums);
    }
  }

  /** The sums with one batch's gradients added; those that are replaced are deleted. */
  async #accumulate(
    { program, auxNames, reached }: StepProgram<TfProgram>,
    { batch, key, sums }: { readonly batch: Batch; readonly key: Int32Array; readonly sums: Id[] },
  ): Promise<{ readonly measured: Measured; readonly sums: Id[] }> {
    const own = this.#feed(batchNumbers(batch, key));
    const results = await this.#run(program, { own, lent: sums });
    const added = results.slice(1 + auxNames.length);
    this.#drop(sums.filter((_, i) => reached[i]));
    const next = sums.map((sum, i) => (reached[i] ? added.shift()! : sum));
    return { measured: this.#measure(results.slice(0, 1 + auxNames.length), auxNames), sums: next };
  }

  async evaluate(batch: Batch, key: Int32Array): Promise<Measured> {
    const { program, auxNames } = await this.#programs.evaluation(batch);
    return this.#measure(await this.#run(program, { own: this.#feed(batchNumbers(batch, key)), lent: [] }), auxNames);
  }

  async read(): Promise<readonly Slots<Float32Array>[]> {
    const copy = (id: Id): Float32Array => Float32Array.from(this.#binding.tensorDataSync(id));
    return this.#state().map(({ param, m, v, ema }) => ({
      param: copy(param),
      m: copy(m),
      v: copy(v),
      ...(ema !== undefined && { ema: copy(ema) }),
    }));
  }

  async write(slots: readonly Slots<Float32Array>[]): Promise<void> {
    const made = slots.map(({ param, m, v, ema }, i): Slots<Id> => {
      const { shape } = this.#spec.params[i]!.variable;
      const tensor = (data: Float32Array): Id => this.#tensor({ data: data.slice(), dtype: 'float32', shape });
      return { param: tensor(param), m: tensor(m), v: tensor(v), ...(ema && { ema: tensor(ema) }) };
    });
    this.#dropSlots();
    this.#slots = made;
  }

  async sync(which: 'params' | 'ema'): Promise<void> {
    for (const [i, { variable }] of this.#spec.params.entries()) {
      const { param, ema } = this.#state()[i]!;
      const data = Float32Array.from(this.#binding.tensorDataSync(which === 'ema' ? ema! : param));
      tf.tidy(() => variable.assign(tf.tensor(data, variable.shape)));
    }
  }

  async dispose(): Promise<void> {
    for (const { variable } of this.#spec.params) this.#store.release(variable);
    this.#dropSlots();
    await this.#programs.release();
  }

  #state(): Slots<Id>[] {
    this.#slots ??= this.#spec.params.map(({ variable }) => ({
      param: this.#copy(variable),
      m: this.#zeros(variable),
      v: this.#zeros(variable),
      ...(this.#spec.ema && { ema: this.#copy(variable) }),
    }));
    return this.#slots;
  }

  /** Feeds what is the run's own and deletes it afterwards; what is lent, and variables, stay. */
  async #run(program: TfProgram, { own, lent }: { own: readonly Id[]; lent: readonly Id[] }): Promise<readonly Id[]> {
    const unowned: Id[] = [];
    try {
      const values: Id[] = [];
      for (const variable of variablesOf(this.#spec)) {
        const trained = await this.#store.current(variable);
        const id = trained ?? this.#copy(variable);
        if (trained === null) unowned.push(id);
        values.push(id);
      }
      const start = performance.now();
      const results = program.run([...own, ...lent, ...values]);
      if (!this.#ran.has(program)) this.#firstRuns += performance.now() - start;
      this.#ran.add(program);
      return results;
    } finally {
      this.#drop([...own, ...unowned]);
    }
  }

  #moments(): Id[] {
    const names = slotNames(this.#spec).slice(1);
    return this.#state().flatMap((slot) => names.map((name) => slot[name]!));
  }

  #decision(results: readonly Id[], reached: readonly boolean[]): Pick<Proposal, 'accept' | 'reject'> {
    const names = slotNames(this.#spec);
    return {
      accept: () => {
        const fresh = [...results];
        this.#slots = this.#state().map((slot, i) => {
          if (!reached[i]) return slot;
          this.#drop(names.map((name) => slot[name]!));
          return Object.fromEntries(names.map((name) => [name, fresh.shift()!])) as unknown as Slots<Id>;
        });
      },
      reject: () => this.#drop(results),
    };
  }

  /** Loss first, then aux; the tensors are deleted. */
  #measure([loss, ...aux]: readonly Id[], names: readonly string[]): Measured {
    const numbers = names.map((name, i) => [name, this.#take(aux[i]!) as Float32Array | Int32Array] as const);
    return { loss: this.#takeNumber(loss!), aux: Object.fromEntries(numbers) };
  }

  #takeNumber(id: Id): number {
    return this.#take(id)[0]!;
  }

  #take(id: Id) {
    const data = this.#binding.tensorDataSync(id).slice();
    this.#binding.deleteTensor(id);
    return data;
  }

  #feed(all: readonly Numbers[]): Id[] {
    return all.map((numbers) => this.#tensor(numbers));
  }

  #tensor(numbers: Numbers): Id {
    return createTensor(this.#binding, numbers);
  }

  #copy(variable: Variable): Id {
    const data = Float32Array.from(readNumbers(variable.dataId, this.#spec.name));
    return this.#tensor({ data, dtype: 'float32', shape: variable.shape });
  }

  #zeros({ size, shape }: Variable): Id {
    return this.#tensor({ data: new Float32Array(size), dtype: 'float32', shape });
  }

  #drop(ids: readonly Id[]): void {
    for (const id of ids) this.#binding.deleteTensor(id);
  }

  #dropSlots(): void {
    for (const slot of this.#slots ?? []) this.#drop(Object.values(slot));
    this.#slots = null;
  }
}

/** Measured: with our own ops in it, a step is as fast or faster without XLA, and need not be compiled. */
function isWorthCompiling({ nodes }: Graph): boolean {
  return !nodes.some(({ kernel }) => isOwnOp(kernel));
}

function batchNumbers(batch: Batch, key: Int32Array): Numbers[] {
  const tensors = namesOf(batch).map((name): Numbers => {
    const { dataId, dtype, shape } = batch[name]!;
    return { data: readNumbers(dataId, name), dtype: dtype as DType, shape };
  });
  return [...tensors, { data: key, dtype: 'int32', shape: [2] }];
}

function vector(data: Float32Array): Numbers {
  return { data, dtype: 'float32', shape: [data.length] };
}

function scalar(value: number): Numbers {
  return { data: Float32Array.of(value), dtype: 'float32', shape: [] };
}
