import * as tf from '@tensorflow/tfjs';
import type { NamedTensorMap, Tensor, Variable } from '@tensorflow/tfjs';
import {
  adamw,
  differentiate,
  evaluateLoss,
  withBackend,
  type Batch,
  type Measured,
  type ParameterStore,
  type Proposal,
  type ProposalRequest,
  type Slots,
  type StepBackend,
  type TrainStepSpec,
} from '@tessera/engine/target';

/** A training step in plain tfjs on one of its backends: on `cpu`, the reference for other targets. */
export class PlainStep implements StepBackend {
  readonly #spec: TrainStepSpec;
  readonly #store: ParameterStore<Tensor>;
  readonly #backend: () => string;
  /** Null until first needed, so that variables may be assigned before. */
  #slots: readonly Slots<Tensor>[] | null = null;

  constructor(spec: TrainStepSpec, store: ParameterStore<Tensor>, backend: () => string) {
    this.#spec = spec;
    this.#store = store;
    this.#backend = backend;
    for (const [i, { variable }] of spec.params.entries()) store.own(variable, async () => this.#state()[i]!.param);
  }

  /** Nothing is compiled. */
  readonly compiling = 0;

  async propose({ batches, keys, scalars }: ProposalRequest): Promise<Proposal> {
    const sums: (Tensor | null)[] = this.#spec.params.map(() => null);
    const values = await this.#values();
    const measured = batches.map((batch, i) => withValues(values, () => this.#accumulate(sums, batch, keys[i]!)));
    const { slots, norm } = this.#tidily(() => {
      const update = { spec: this.#spec, scalars: tf.tensor1d(scalars), share: 1 / batches.length };
      const updated = adamw(this.#state(), sums, update);
      const next = updated.slots.map((slot, i) => slot ?? copySlots(this.#state()[i]!));
      for (const slot of next) for (const tensor of Object.values(slot)) tf.keep(tensor as Tensor);
      return { slots: next, norm: updated.gradNorm.dataSync()[0]! };
    });
    tf.dispose(sums.filter((sum) => sum !== null));
    return {
      measured,
      gradNorm: norm,
      accept: () => this.#replace(slots),
      reject: () => disposeSlots(slots),
    };
  }

  async evaluate(batch: Batch, key: Int32Array): Promise<Measured> {
    const work = () => measure(evaluateLoss(this.#spec, batch, tf.tensor1d(key, 'int32')));
    return withValues(await this.#values(), () => this.#tidily(work));
  }

  async read(): Promise<readonly Slots<Float32Array>[]> {
    const copy = (tensor: Tensor): Float32Array => Float32Array.from(tensor.dataSync());
    return this.#state().map(({ param, m, v, ema }) => ({
      param: copy(param),
      m: copy(m),
      v: copy(v),
      ...(ema && { ema: copy(ema) }),
    }));
  }

  async write(slots: readonly Slots<Float32Array>[]): Promise<void> {
    const tensor = (data: Float32Array, i: number): Tensor =>
      tf.keep(tf.tensor(data.slice(), this.#spec.params[i]!.variable.shape));
    this.#replace(
      slots.map(({ param, m, v, ema }, i) => ({
        param: tensor(param, i),
        m: tensor(m, i),
        v: tensor(v, i),
        ...(ema && { ema: tensor(ema, i) }),
      })),
    );
  }

  async sync(which: 'params' | 'ema'): Promise<void> {
    for (const [i, { variable }] of this.#spec.params.entries()) {
      const { param, ema } = this.#state()[i]!;
      assign(variable, which === 'ema' ? ema! : param);
    }
  }

  async dispose(): Promise<void> {
    for (const { variable } of this.#spec.params) this.#store.release(variable);
    this.#replace(null);
  }

  #state(): readonly Slots<Tensor>[] {
    this.#slots ??= this.#spec.params.map(({ variable }) => ({
      param: copyOf(variable),
      m: tf.keep(tf.zerosLike(variable as Tensor)),
      v: tf.keep(tf.zerosLike(variable as Tensor)),
      ...(this.#spec.ema && { ema: copyOf(variable) }),
    }));
    return this.#slots;
  }

  #replace(slots: readonly Slots<Tensor>[] | null): void {
    disposeSlots(this.#slots ?? []);
    this.#slots = slots;
  }

  /** Adds one batch's gradients to `sums`. */
  #accumulate(sums: (Tensor | null)[], batch: Batch, key: Int32Array): Measured {
    const { measured, gradients } = this.#tidily(() => {
      const { loss, aux, gradients } = differentiate(this.#spec, batch, tf.tensor1d(key, 'int32'));
      const measured = measure({ loss, aux });
      tf.dispose(aux as NamedTensorMap);
      const sum = (gradient: Tensor, i: number): Tensor => (sums[i] ? tf.add(sums[i], gradient) : tf.clone(gradient));
      return { measured, gradients: gradients.map((gradient, i) => gradient && tf.keep(sum(gradient, i))) };
    });
    for (const [i, gradient] of gradients.entries()) {
      if (gradient === null) continue; // what this batch does not reach keeps the sum of those before
      sums[i]?.dispose();
      sums[i] = gradient;
    }
    return measured;
  }

  /** A tidy on the backend whose result is not a tensor: what shall live is kept. */
  #tidily<T>(work: () => T): T {
    let result: T | null = null;
    withBackend(this.#backend(), () => {
      result = work();
      return [];
    });
    return result!;
  }

  /** What variables hold while the loss runs: the trained values, also of other steps. */
  async #values(): Promise<ReadonlyMap<Variable, Tensor>> {
    const values = new Map<Variable, Tensor>();
    for (const { variable } of [...this.#spec.params, ...(this.#spec.frozen ?? [])]) {
      const value = await this.#store.current(variable);
      if (value) values.set(variable, value);
    }
    return values;
  }
}

/** Outside of `work`, variables show what was last synced. */
function withValues<T>(values: ReadonlyMap<Variable, Tensor>, work: () => T): T {
  const shown = [...values.keys()].map((variable) => ({ variable, tensor: copyOf(variable) }));
  for (const [variable, value] of values) assign(variable, value);
  try {
    return work();
  } finally {
    for (const { variable, tensor } of shown) assign(variable, tensor);
    tf.dispose(shown.map(({ tensor }) => tensor));
  }
}

/** A copy of a variable's numbers: tfjs loses count of references when backends share numbers. */
function copyOf(variable: Variable): Tensor {
  return tf.keep(tf.tensor(variable.dataSync().slice(), variable.shape));
}

function copySlots({ param, m, v, ema }: Slots<Tensor>): Slots<Tensor> {
  return { param: tf.clone(param), m: tf.clone(m), v: tf.clone(v), ...(ema && { ema: tf.clone(ema) }) };
}

function disposeSlots(slots: readonly Slots<Tensor>[]): void {
  for (const slot of slots) tf.dispose(Object.values(slot));
}

/** Variables share numbers with the tensors that are assigned to them; tfjs counts the references. */
function assign(variable: Variable, value: Tensor): void {
  tf.tidy(() => variable.assign(tf.clone(value)));
}

function measure({ loss, aux }: { loss: Tensor; aux: Readonly<NamedTensorMap> }): Measured {
  const numbers = Object.entries(aux).map(([name, tensor]) => [name, tensor.dataSync().slice()]);
  return { loss: loss.dataSync()[0]!, aux: Object.fromEntries(numbers) };
}
