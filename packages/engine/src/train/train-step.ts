import { TesseraError } from '@tessera/errors';
import { keyWords } from '../rng/trace-rng.ts';
import type { Measured, StepBackend } from '../target.ts';
import { adamwScalars } from './optimise.ts';
import type { Batch, Slots, TrainHyper, TrainResult, TrainStep, TrainStepSpec } from './spec.ts';

/**
 * The target-free part of a training step: counting, randomness, finiteness, state, one call at a time. `open` gives the
 * target's part at the first call.
 */
export function createTrainStep(spec: TrainStepSpec, open: () => StepBackend | Promise<StepBackend>): TrainStep {
  checkNames(spec);
  let count = 0;
  let isDisposed = false;
  let backend: StepBackend | null = null;
  let last: Promise<unknown> = Promise.resolve();
  /** Calls wait for those before them: they share buffers. */
  const inTurn = <T>(work: (backend: StepBackend) => Promise<T>): Promise<T> => {
    const turn = last.then(async () => {
      if (isDisposed) throw disposed(spec);
      backend ??= await open();
      return work(backend);
    });
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    run: (batches, hyper) =>
      inTurn(async (backend) => {
        const result = await takeStep(spec, backend, { batches, hyper, count: count + 1 });
        count++;
        return result;
      }),
    evaluate: (batch, key) =>
      inTurn(async (backend) => {
        const before = backend.compiling;
        const measured = await backend.evaluate(batch, keyWords(key, 0));
        return { ...measured, gradNorm: 0, compiling: backend.compiling - before };
      }),
    state: () => inTurn(async (backend) => writeState(spec, { slots: await backend.read(), count })),
    load: (state) =>
      inTurn(async (backend) => {
        const loaded = readState(spec, state);
        await backend.write(loaded.slots);
        count = loaded.count;
      }),
    sync: (which) =>
      inTurn(async (backend) => {
        if (which === 'ema' && !spec.ema) throw noAverage(spec);
        await backend.sync(which);
      }),
    dispose: () => {
      if (isDisposed) return;
      isDisposed = true;
      void last.then(() => backend?.dispose());
    },
  };
}

interface Step {
  readonly batches: readonly Batch[];
  readonly hyper: TrainHyper;
  /** From 1. */
  readonly count: number;
}

/** One step of the optimiser, or an error that leaves everything as it was. */
async function takeStep(spec: TrainStepSpec, backend: StepBackend, step: Step): Promise<TrainResult> {
  const { batches, hyper, count } = step;
  if (batches.length === 0) throw noBatch(spec);
  const keys = batches.map((_, part) => keyWords(hyper.key, part));
  const scalars = adamwScalars(spec, hyper, count);
  const before = backend.compiling;
  const proposal = await backend.propose({ batches, keys, scalars });
  const { gradNorm } = proposal;
  const measured = mergeMeasured(spec, proposal.measured);
  const problem = notFinite(spec, measured.loss, gradNorm);
  if (problem) {
    proposal.reject();
    throw problem;
  }
  proposal.accept();
  return { ...measured, gradNorm, compiling: backend.compiling - before };
}

function notFinite({ name }: TrainStepSpec, loss: number, gradNorm: number): TesseraError | null {
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return null;
  const isLoss = !Number.isFinite(loss);
  return new TesseraError({
    code: isLoss ? 'loss-not-finite' : 'gradient-not-finite',
    who: name,
    got: isLoss ? `a loss of ${loss}` : `a gradient norm of ${gradNorm}`,
    expected: 'a finite number',
    next: 'Parameters and optimiser are as before this step: lower the learning rate, clip, or look at the batch.',
  });
}

function checkNames({ name, params }: TrainStepSpec): void {
  const names = params.map((param) => param.name);
  const twice = names.find((other, i) => names.indexOf(other) !== i);
  if (names.length > 0 && twice === undefined) return;
  throw new TesseraError({
    code: 'params-invalid',
    who: name,
    got: twice === undefined ? 'no parameters' : `two parameters named "${twice}"`,
    expected: 'at least one parameter, each with its own name',
  });
}

function disposed({ name }: TrainStepSpec): TesseraError {
  return new TesseraError({
    code: 'step-disposed',
    who: name,
    got: 'a call after dispose()',
    expected: 'a live training step',
  });
}

function noBatch({ name }: TrainStepSpec): TesseraError {
  return new TesseraError({ code: 'batch-missing', who: name, got: 'no batch', expected: 'at least one batch' });
}

function noAverage({ name }: TrainStepSpec): TesseraError {
  return new TesseraError({
    code: 'ema-missing',
    who: name,
    got: 'a request for the average of the parameters',
    expected: 'a step that keeps one',
    next: 'Set ema: true in its specification.',
  });
}

/**
 * The average over accumulated batches of the loss and of every float32 aux; int32 aux (indices) are the last batch's.
 * @throws TesseraError `aux-shape`
 */
function mergeMeasured({ name }: TrainStepSpec, measured: readonly Measured[]): Measured {
  const last = measured.at(-1)!;
  if (measured.length === 1) return last;
  const loss = measured.reduce((sum, one) => sum + one.loss, 0) / measured.length;
  const aux = Object.entries(last.aux).map(([key, data]) => {
    if (data instanceof Int32Array) return [key, data] as const;
    const all = measured.map((one) => one.aux[key]!);
    if (all.some((other) => other.length !== data.length)) throw sizesDiffer(name, key);
    const mean = data.map((_, i) => all.reduce((sum, other) => sum + other[i]!, 0) / all.length);
    return [key, mean] as const;
  });
  return { loss, aux: Object.fromEntries(aux) };
}

function sizesDiffer(name: string, key: string): TesseraError {
  return new TesseraError({
    code: 'aux-shape',
    who: name,
    got: `aux "${key}" of different sizes in accumulated batches`,
    expected: 'one size, so that they can be averaged',
  });
}

/** One array of a saved state. */
interface SavedArray {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

interface StepState {
  /** In the order of the parameters. */
  readonly slots: readonly Slots<Float32Array>[];
  /** Steps taken. */
  readonly count: number;
}

/** `param.NAME`, `m.NAME`, `v.NAME`, `ema.NAME` where kept, and `count`. */
function writeState(spec: TrainStepSpec, { slots, count }: StepState): Map<string, SavedArray> {
  const state = new Map<string, SavedArray>();
  for (const [i, { name, variable }] of spec.params.entries()) {
    for (const [slot, data] of Object.entries(slots[i]!)) state.set(`${slot}.${name}`, { data, shape: variable.shape });
  }
  return state.set('count', { data: Float32Array.of(count), shape: [1] });
}

/**
 * The inverse of `writeState`. Everything is checked before anything is used.
 * @throws TesseraError `state-mismatch`
 */
function readState(spec: TrainStepSpec, state: ReadonlyMap<string, SavedArray>): StepState {
  const array = (name: string, shape: readonly number[]): Float32Array => {
    const saved = state.get(name);
    if (saved && saved.shape.join() === shape.join()) return saved.data;
    throw new TesseraError({
      code: 'state-mismatch',
      who: spec.name,
      got: saved ? `"${name}" of shape [${saved.shape}]` : `a state without "${name}"`,
      expected: `"${name}" of shape [${shape}]`,
      next: 'Load a state that the same training step has written.',
    });
  };
  const slots = spec.params.map(({ name, variable: { shape } }) => ({
    param: array(`param.${name}`, shape),
    m: array(`m.${name}`, shape),
    v: array(`v.${name}`, shape),
    ...(spec.ema && { ema: array(`ema.${name}`, shape) }),
  }));
  return { slots, count: array('count', [1])[0]! };
}
