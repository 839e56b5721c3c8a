import * as tf from '@tensorflow/tfjs';
import type { Variable } from '@tensorflow/tfjs';
import type {
  DeviceNumbers,
  GraphTarget,
  GraphTraining,
  Measured,
  Numbers,
  Proposal,
  ProposalRequest,
  StepBackend,
} from '../target.ts';
import type { DType } from '../trace/graph.ts';
import { readNumbers } from '../trace/tfjs-internals.ts';
import type { ParameterStore } from './spec.ts';
import type { Batch, Slots, TrainStepSpec } from './spec.ts';
import { namesOf, slotNames, StepPrograms, variablesOf, type StepProgram } from './step-programs.ts';

interface GraphStepParts {
  readonly target: GraphTarget;
  readonly training: GraphTraining;
  readonly store: ParameterStore<DeviceNumbers>;
}

/**
 * A training step as one graph per form of batch. Parameters and moments stay on the device: a run reads the state and makes a
 * new one, which replaces it when the step is accepted.
 */
export class GraphStep implements StepBackend {
  readonly #spec: TrainStepSpec;
  readonly #parts: GraphStepParts;
  readonly #programs: StepPrograms;
  /** Null until first needed, so that variables may be assigned before. */
  #slots: Promise<readonly Slots<Held>[]> | null = null;
  /** Milliseconds of runs that compiled first. */
  #compilingRuns = 0;

  constructor(spec: TrainStepSpec, parts: GraphStepParts) {
    this.#spec = spec;
    this.#parts = parts;
    this.#programs = new StepPrograms(spec, parts.training);
    for (const [i, { variable }] of spec.params.entries()) {
      parts.store.own(variable, async () => (await this.#state())[i]!.param.now);
    }
  }

  get compiling(): number {
    return this.#programs.building + this.#compilingRuns;
  }

  async propose(request: ProposalRequest): Promise<Proposal> {
    const slots = await this.#state();
    return request.batches.length === 1 ? this.#proposeOne(request, slots) : this.#proposeMany(request, slots);
  }

  /** Everything in one program. */
  async #proposeOne({ batches, keys, scalars }: ProposalRequest, slots: readonly Slots<Held>[]): Promise<Proposal> {
    const [batch, key] = [batches[0]!, keys[0]!];
    const { program, auxNames, reached } = await this.#programs.step(batch);
    const own = [...batchNumbers(batch, key), vector(scalars)];
    const changed = this.#changed(slots, reached);
    const into = [null, null, ...auxNames.map(() => null), ...changed.map((held) => held.spare)];
    const [loss, norm, ...rest] = await this.#run(program, { own, lent: this.#moments(slots), into });
    const aux = rest.slice(0, auxNames.length);
    const measured = await measure([loss!, ...aux], auxNames);
    return {
      measured: [measured],
      gradNorm: await takeNumber(norm!),
      ...decision(changed, rest.slice(auxNames.length)),
    };
  }

  /** One program adds up gradients, batch by batch; another takes the step. */
  async #proposeMany({ batches, keys, scalars }: ProposalRequest, slots: readonly Slots<Held>[]): Promise<Proposal> {
    const sums = await Promise.all(this.#spec.params.map(({ variable }) => this.#hold(variable)));
    const measured: Measured[] = [];
    const reached = this.#spec.params.map(() => false);
    try {
      for (const [i, batch] of batches.entries()) {
        const accumulation = await this.#programs.accumulation(batch);
        accumulation.reached.forEach((isReached, param) => (reached[param] ||= isReached));
        measured.push(await this.#accumulate(accumulation, { batch, key: keys[i]!, sums }));
      }
      const { program } = await this.#programs.update(reached);
      const changed = this.#changed(slots, reached);
      const own = [scalar(1 / batches.length), vector(scalars)];
      const lent = [...sums.map(({ now }) => now), ...this.#moments(slots)];
      const [norm, ...next] = await this.#run(program, {
        own,
        lent,
        into: [null, ...changed.map((held) => held.spare)],
      });
      return { measured, gradNorm: await takeNumber(norm!), ...decision(changed, next) };
    } finally {
      for (const sum of sums) sum.release();
    }
  }

  /** Adds one batch's gradients to `sums`. */
  async #accumulate(
    { program, auxNames, reached }: StepProgram,
    { batch, key, sums }: { readonly batch: Batch; readonly key: Int32Array; readonly sums: readonly Held[] },
  ): Promise<Measured> {
    const changed = sums.filter((_, i) => reached[i]);
    const into = [null, ...auxNames.map(() => null), ...changed.map((sum) => sum.spare)];
    const lent = sums.map(({ now }) => now);
    const results = await this.#run(program, { own: batchNumbers(batch, key), lent, into });
    decision(changed, results.slice(1 + auxNames.length)).accept();
    return measure(results.slice(0, 1 + auxNames.length), auxNames);
  }

  async evaluate(batch: Batch, key: Int32Array): Promise<Measured> {
    const { program, auxNames } = await this.#programs.evaluation(batch);
    return measure(await this.#run(program, { own: batchNumbers(batch, key), lent: [], into: [] }), auxNames);
  }

  async read(): Promise<readonly Slots<Float32Array>[]> {
    return Promise.all((await this.#state()).map((slot) => eachOf(slot, async ({ now }) => copyOf(await now.read()))));
  }

  async write(slots: readonly Slots<Float32Array>[]): Promise<void> {
    for (const [i, state] of (await this.#state()).entries()) {
      const { shape } = this.#spec.params[i]!.variable;
      for (const name of slotNames(this.#spec)) {
        const data = copyOf(slots[i]![name]!);
        state[name]!.replace(await this.#upload({ data, dtype: 'float32', shape }));
      }
    }
  }

  async sync(which: 'params' | 'ema'): Promise<void> {
    const state = await this.#state();
    for (const [i, { variable }] of this.#spec.params.entries()) {
      const { now } = which === 'ema' ? state[i]!.ema! : state[i]!.param;
      const data = copyOf(await now.read());
      tf.tidy(() => variable.assign(tf.tensor(data, variable.shape)));
    }
  }

  async dispose(): Promise<void> {
    for (const { variable } of this.#spec.params) this.#parts.store.release(variable);
    const slots = await this.#slots?.catch(() => null);
    this.#slots = null;
    for (const slot of slots ?? []) for (const held of Object.values(slot) as Held[]) held.release();
    await this.#programs.release();
  }

  #state(): Promise<readonly Slots<Held>[]> {
    this.#slots ??= Promise.all(
      this.#spec.params.map(async ({ variable }) => ({
        param: await this.#hold(variable, this.#valueOf(variable)),
        m: await this.#hold(variable),
        v: await this.#hold(variable),
        ...(this.#spec.ema && { ema: await this.#hold(variable, this.#valueOf(variable)) }),
      })),
    );
    return this.#slots;
  }

  #valueOf(variable: Variable): Float32Array {
    return copyOf(readNumbers(variable.dataId, this.#spec.name));
  }

  /** Numbers of a variable's shape, zeros where none are given. */
  async #hold({ size, shape }: Variable, data: Float32Array = new Float32Array(size)): Promise<Held> {
    const upload = (data: Float32Array) => this.#upload({ data, dtype: 'float32', shape });
    const now = await upload(data);
    return new Held(now, this.#parts.training.writesInto ? await upload(new Float32Array(size)) : null);
  }

  #upload(numbers: Numbers): Promise<DeviceNumbers> {
    return this.#parts.target.upload(numbers);
  }

  /** Feeds `own`, which it uploads and releases, then `lent`, then the values of all variables, also those of other steps. */
  async #run(program: StepProgram['program'], { own, lent, into }: RunFeeds): Promise<readonly DeviceNumbers[]> {
    const uploaded: DeviceNumbers[] = [];
    const upload = async (numbers: Numbers): Promise<DeviceNumbers> => {
      const made = await this.#upload(numbers);
      uploaded.push(made);
      return made;
    };
    try {
      const first = await Promise.all(own.map(upload));
      const values = await Promise.all(
        variablesOf(this.#spec).map(async (variable) => {
          const trained = await this.#parts.store.current(variable);
          if (trained) return trained;
          const data = readNumbers(variable.dataId, this.#spec.name);
          return upload({ data, dtype: 'float32', shape: variable.shape });
        }),
      );
      const feeds = [...first, ...lent, ...values];
      const compiles = program.compilesFor?.(feeds) ?? false;
      const start = performance.now();
      const results = await program.run(feeds, into);
      if (compiles) this.#compilingRuns += performance.now() - start;
      return results;
    } finally {
      for (const numbers of uploaded) numbers.release();
    }
  }

  #moments(slots: readonly Slots<Held>[]): DeviceNumbers[] {
    const names = slotNames(this.#spec).slice(1);
    return slots.flatMap((slot) => names.map((name) => slot[name]!.now));
  }

  /** The numbers that a step replaces, in the order of its results. */
  #changed(slots: readonly Slots<Held>[], reached: readonly boolean[]): Held[] {
    return slots.flatMap((slot, i) => (reached[i] ? slotNames(this.#spec).map((name) => slot[name]!) : []));
  }
}

interface RunFeeds {
  readonly own: readonly Numbers[];
  readonly lent: readonly DeviceNumbers[];
  readonly into: readonly (DeviceNumbers | null)[];
}

/** One array of the state; where the target writes into given numbers, also a second one for the next state. */
class Held {
  now: DeviceNumbers;
  spare: DeviceNumbers | null;

  constructor(now: DeviceNumbers, spare: DeviceNumbers | null) {
    this.now = now;
    this.spare = spare;
  }

  replace(next: DeviceNumbers): void {
    if (next === this.spare) this.spare = this.now;
    else this.now.release();
    this.now = next;
  }

  release(): void {
    this.now.release();
    this.spare?.release();
  }
}

/** Makes results the new state, or releases them. */
function decision(changed: readonly Held[], results: readonly DeviceNumbers[]): Pick<Proposal, 'accept' | 'reject'> {
  return {
    accept: () => {
      for (const [i, held] of changed.entries()) held.replace(results[i]!);
    },
    reject: () => {
      for (const [i, { spare }] of changed.entries()) if (!spare) results[i]!.release();
    },
  };
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

/** Loss first, then aux; the numbers are released. */
async function measure([loss, ...aux]: readonly DeviceNumbers[], names: readonly string[]): Promise<Measured> {
  const numbers = await Promise.all(names.map(async (name, i) => [name, await take(aux[i]!)] as const));
  return { loss: await takeNumber(loss!), aux: Object.fromEntries(numbers) as Measured['aux'] };
}

async function takeNumber(numbers: DeviceNumbers): Promise<number> {
  return (await take(numbers))[0]!;
}

async function take(numbers: DeviceNumbers) {
  const data = (await numbers.read()).slice();
  numbers.release();
  return data;
}

function copyOf(data: ArrayLike<number>): Float32Array {
  return Float32Array.from(data);
}

/** The same slots with `change` made to each. */
async function eachOf<T, U>(slots: Slots<T>, change: (value: T) => Promise<U>): Promise<Slots<U>> {
  const { param, m, v, ema } = slots;
  return {
    param: await change(param),
    m: await change(m),
    v: await change(v),
    ...(ema !== undefined && { ema: await change(ema) }),
  };
}
