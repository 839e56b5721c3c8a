import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import type { TraceRng } from '../rng/trace-rng.ts';

/** The tensors of one batch, by name. */
export type Batch = Readonly<Record<string, Tensor>>;

/** A trained parameter. The optimiser's state belongs to the step, the value to the variable. */
export interface Param {
  readonly name: string;
  readonly variable: Variable;
  readonly decay: boolean;
}

export interface TrainStepSpec {
  readonly name: string;
  readonly params: readonly Param[];
  /** Variables that the loss reads but another step trains (a discriminator's, for example). */
  readonly frozen?: readonly Param[];
  /** Pure. Returns the loss to minimise and further scalars or tensors to report, by name. */
  readonly loss: (
    batch: Readonly<Record<string, Tensor>>,
    rng: TraceRng,
  ) => { loss: Scalar; aux?: Record<string, Tensor> };
  readonly betas: readonly [number, number];
  readonly eps: number;
  /** Global gradient norm above which gradients are scaled down; null for no clipping. */
  readonly clip: number | null;
  /** Keep an exponential moving average of the parameters. */
  readonly ema: boolean;
}

/** What may change from step to step. */
export interface TrainHyper {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly emaDecay: number;
  /** Key of this step's random numbers; the same key gives the same numbers. */
  readonly key: number;
}

export interface TrainResult {
  readonly loss: number;
  /** Before clipping. */
  readonly gradNorm: number;
  readonly aux: Readonly<Record<string, Float32Array | Int32Array>>;
  /** Milliseconds of this call that went into tracing and compiling: at the first batch of each form. */
  readonly compiling: number;
}

/** Forward, backward, clipping, AdamW and EMA as one program; parameters and moments stay with the runtime between steps. */
export interface TrainStep {
  /** One optimiser step; several batches are accumulated and their gradients averaged. */
  run(batches: readonly Readonly<Record<string, Tensor>>[], hyper: TrainHyper): Promise<TrainResult>;
  /** Loss and aux without any change of parameters. */
  evaluate(batch: Readonly<Record<string, Tensor>>, key: number): Promise<TrainResult>;
  /** Parameters and optimiser state by name: `param.NAME`, `m.NAME`, `v.NAME`, `ema.NAME`, and `count`. */
  state(): Promise<Map<string, { data: Float32Array; shape: readonly number[] }>>;
  load(state: ReadonlyMap<string, { data: Float32Array; shape: readonly number[] }>): Promise<void>;
  /** Writes the parameters (or their average) into the variables, so that other programs see them. */
  sync(which: 'params' | 'ema'): Promise<void>;
  dispose(): void;
}

/** Value, first and second moment, and average of one parameter; or lists of them, one entry per parameter. */
export interface Slots<T> {
  readonly param: T;
  readonly m: T;
  readonly v: T;
  /** Absent where no average is kept. */
  readonly ema?: T;
}

/**
 * The current values of trained variables, by variable. The step that trains a variable owns its value; another step
 * that only reads it (a discriminator's, for example) finds it here.
 */
export class ParameterStore<T> {
  readonly #values = new Map<Variable, () => Promise<T>>();

  /** From now on `value` gives the value of `variable`. */
  own(variable: Variable, value: () => Promise<T>): void {
    this.#values.set(variable, value);
  }

  release(variable: Variable): void {
    this.#values.delete(variable);
  }

  /** The trained value, or null for a variable that no step trains. */
  async current(variable: Variable): Promise<T | null> {
    return (await this.#values.get(variable)?.()) ?? null;
  }
}
