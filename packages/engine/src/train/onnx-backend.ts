import * as tf from '@tensorflow/tfjs';
import type { Variable } from '@tensorflow/tfjs';
import { convBlock } from '../onnx/conv-block.ts';
import { isLoweredWhole, lowerGraph } from '../onnx/lower-graph.ts';
import { buildProgram, type OnnxProgram } from '../onnx/program.ts';
import { ortTensor, type OrtTensor } from '../onnx/runtime.ts';
import type { DType } from '../trace/graph.ts';
import { readNumbers } from '../trace/tfjs-internals.ts';
import type { Slots } from './adamw.ts';
import type { Batch } from './gradients.ts';
import { createBuffer, numbersOf, type Buffer } from './onnx-buffer.ts';
import type { ParameterStore } from './parameter-store.ts';
import type { Measured, Proposal, ProposalRequest, StepBackend } from './step-backend.ts';
import { StepPrograms, namesOf, slotNames, variablesOf, type StepProgram } from './step-programs.ts';
import type { TrainStepSpec } from './train-step.ts';

/**
 * Runs the step as one program per form of batch. Parameters and moments lie in two sets of buffers that take turns:
 * a run reads one and writes the other, which becomes the state only when the step is accepted.
 */
export class OnnxBackend implements StepBackend {
  readonly #spec: TrainStepSpec;
  readonly #store: ParameterStore<OrtTensor>;
  readonly #programs: StepPrograms<OnnxProgram>;
  /** Null until first needed, so that variables may be assigned before. */
  #slots: Promise<readonly Slots<Buffer>[]> | null = null;

  constructor(spec: TrainStepSpec, store: ParameterStore<OrtTensor>, threads: number) {
    this.#spec = spec;
    this.#store = store;
    this.#programs = new StepPrograms(spec, {
      whole: isLoweredWhole,
      build: async (graph, name) =>
        buildProgram(lowerGraph(graph, { convBlock: await convBlock() }), { name, threads }),
    });
    for (const [i, { variable }] of spec.params.entries()) {
      store.own(variable, async () => (await this.#state())[i]!.param.front);
    }
  }

  get compiling(): number {
    return this.#programs.building;
  }

  async propose(request: ProposalRequest): Promise<Proposal> {
    const slots = await this.#state();
    return request.batches.length === 1 ? this.#proposeOne(request, slots) : this.#proposeMany(request, slots);
  }

  /** Everything in one program. */
  async #proposeOne({ batches, keys, scalars }: ProposalRequest, slots: readonly Slots<Buffer>[]): Promise<Proposal> {
    const [batch, key] = [batches[0]!, keys[0]!];
    const { program, auxNames, reached } = await this.#programs.step(batch);
    const feeds = [...(await batchFeeds(batch, key)), await vector(scalars), ...this.#moments(slots)];
    const into = [null, null, ...auxNames.map(() => null), ...this.#targets(slots, reached)];
    const results = await program.run([...feeds, ...(await this.#values())], into);
    const measured = measure([results[0]!, ...results.slice(2)], auxNames);
    return { measured: [measured], gradNorm: numberOf(results[1]!), ...this.#decision(slots, reached) };
  }

  /** One program adds up gradients, batch by batch; another takes the step. */
  async #proposeMany({ batches, keys, scalars }: ProposalRequest, slots: readonly Slots<Buffer>[]): Promise<Proposal> {
    const sums = await Promise.all(
      this.#spec.params.map(({ variable }) => createBuffer(new Float32Array(variable.size), variable.shape)),
    );
    const measured: Measured[] = [];
    const reached = this.#spec.params.map(() => false);
    for (const [i, batch] of batches.entries()) {
      const accumulation = await this.#programs.accumulation(batch);
      accumulation.reached.forEach((isReached, param) => (reached[param] ||= isReached));
      measured.push(await this.#accumulate(accumulation, { batch, key: keys[i]!, sums }));
    }
    const { program } = await this.#programs.update(reached);
    const feeds = [await scalar(1 / batches.length), await vector(scalars), ...sums.map((sum) => sum.front)];
    const all = [...feeds, ...this.#moments(slots), ...(await this.#values())];
    const results = await program.run(all, [null, ...this.#targets(slots, reached)]);
    return { measured, gradNorm: numberOf(results[0]!), ...this.#decision(slots, reached) };
  }

  async #accumulate(
    { program, auxNames, reached }: StepProgram<OnnxProgram>,
    { batch, key, sums }: Accumulation,
  ): Promise<Measured> {
    const feeds = [...(await batchFeeds(batch, key)), ...sums.map((sum) => sum.front), ...(await this.#values())];
    const changed = sums.filter((_, i) => reached[i]);
    const into = [null, ...auxNames.map(() => null), ...changed.map((sum) => sum.back)];
    const results = await program.run(feeds, into);
    for (const sum of changed) sum.flip();
    return measure(results, auxNames);
  }

  async evaluate(batch: Batch, key: Int32Array): Promise<Measured> {
    const { program, auxNames } = await this.#programs.evaluation(batch);
    return measure(await program.run([...(await batchFeeds(batch, key)), ...(await this.#values())]), auxNames);
  }

  async read(): Promise<readonly Slots<Float32Array>[]> {
    const copy = (buffer: Buffer): Float32Array => Float32Array.from(buffer.front.data as Float32Array);
    return (await this.#state()).map(({ param, m, v, ema }) => ({
      param: copy(param),
      m: copy(m),
      v: copy(v),
      ...(ema && { ema: copy(ema) }),
    }));
  }

  async write(slots: readonly Slots<Float32Array>[]): Promise<void> {
    const state = await this.#state();
    for (const [i, slot] of slots.entries()) {
      for (const name of slotNames(this.#spec)) (state[i]![name]!.front.data as Float32Array).set(slot[name]!);
    }
  }

  async sync(which: 'params' | 'ema'): Promise<void> {
    const state = await this.#state();
    for (const [i, { variable }] of this.#spec.params.entries()) {
      const { front } = which === 'ema' ? state[i]!.ema! : state[i]!.param;
      const data = Float32Array.from(front.data as Float32Array);
      tf.tidy(() => variable.assign(tf.tensor(data, variable.shape)));
    }
  }

  async dispose(): Promise<void> {
    for (const { variable } of this.#spec.params) this.#store.release(variable);
    this.#slots = null;
    await this.#programs.release();
  }

  #state(): Promise<readonly Slots<Buffer>[]> {
    this.#slots ??= Promise.all(
      this.#spec.params.map(async ({ variable }) => ({
        param: await this.#buffer(variable, numbersOf(variable, this.#spec.name)),
        m: await this.#buffer(variable, new Float32Array(variable.size)),
        v: await this.#buffer(variable, new Float32Array(variable.size)),
        ...(this.#spec.ema && { ema: await this.#buffer(variable, numbersOf(variable, this.#spec.name)) }),
      })),
    );
    return this.#slots;
  }

  #buffer(variable: Variable, data: Float32Array): Promise<Buffer> {
    return createBuffer(data, variable.shape);
  }

  /** Values of trained and frozen variables, whoever trains them. */
  #values(): Promise<OrtTensor[]> {
    const { name } = this.#spec;
    return Promise.all(
      variablesOf(this.#spec).map(async (variable) => {
        const trained = await this.#store.current(variable);
        if (trained) return trained;
        const data = readNumbers(variable.dataId, name);
        return ortTensor({ data, dtype: 'float32', shape: variable.shape });
      }),
    );
  }

  #moments(slots: readonly Slots<Buffer>[]): OrtTensor[] {
    return slots.flatMap((slot) =>
      slotNames(this.#spec)
        .slice(1)
        .map((name) => slot[name]!.front),
    );
  }

  #targets(slots: readonly Slots<Buffer>[], reached: readonly boolean[]): OrtTensor[] {
    return slots.flatMap((slot, i) => (reached[i] ? slotNames(this.#spec).map((name) => slot[name]!.back) : []));
  }

  #decision(slots: readonly Slots<Buffer>[], reached: readonly boolean[]): Pick<Proposal, 'accept' | 'reject'> {
    const changed = slots.filter((_, i) => reached[i]);
    return {
      accept: () => {
        for (const slot of changed) for (const name of slotNames(this.#spec)) slot[name]!.flip();
      },
      reject: () => undefined,
    };
  }
}

interface Accumulation {
  readonly batch: Batch;
  readonly key: Int32Array;
  readonly sums: readonly Buffer[];
}

async function batchFeeds(batch: Batch, key: Int32Array): Promise<OrtTensor[]> {
  const tensors = namesOf(batch).map((name) => {
    const { dataId, dtype, shape } = batch[name]!;
    return ortTensor({ data: readNumbers(dataId, name), dtype: dtype as DType, shape });
  });
  return Promise.all([...tensors, ortTensor({ data: key, dtype: 'int32', shape: [2] })]);
}

function vector(data: Float32Array): Promise<OrtTensor> {
  return ortTensor({ data, dtype: 'float32', shape: [data.length] });
}

function scalar(value: number): Promise<OrtTensor> {
  return ortTensor({ data: Float32Array.of(value), dtype: 'float32', shape: [] });
}

/** Loss first, then aux. */
function measure([loss, ...aux]: readonly OrtTensor[], names: readonly string[]): Measured {
  const numbers = names.map((name, i) => [name, (aux[i]!.data as Float32Array | Int32Array).slice()] as const);
  return { loss: numberOf(loss!), aux: Object.fromEntries(numbers) };
}

function numberOf(tensor: OrtTensor): number {
  return (tensor.data as Float32Array)[0]!;
}
