import { TesseraError } from '@tessera/errors';
import { keyWords } from '../rng/trace-rng.ts';
import { adamwScalars } from './adamw.ts';
import { mergeMeasured } from './merge-measured.ts';
import type { StepBackend } from './step-backend.ts';
import { readState, writeState } from './step-state.ts';
import type { TrainStep, TrainStepSpec } from './train-step.ts';

/** The target-free part of a training step: counting, randomness, finiteness, state, one call at a time. */
export function createTrainStep(spec: TrainStepSpec, backend: StepBackend): TrainStep {
  checkNames(spec);
  let count = 0;
  let isDisposed = false;
  let last: Promise<unknown> = Promise.resolve();
  /** Calls wait for those before them: they share buffers. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(() => {
      if (isDisposed) throw disposed(spec);
      return work();
    });
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    run: (batches, hyper) =>
      inTurn(async () => {
        if (batches.length === 0) throw noBatch(spec);
        const keys = batches.map((_, part) => keyWords(hyper.key, part));
        const scalars = adamwScalars(spec, hyper, count + 1);
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
        count++;
        return { ...measured, gradNorm, compiling: backend.compiling - before };
      }),
    evaluate: (batch, key) =>
      inTurn(async () => {
        const before = backend.compiling;
        const measured = await backend.evaluate(batch, keyWords(key, 0));
        return { ...measured, gradNorm: 0, compiling: backend.compiling - before };
      }),
    state: () => inTurn(async () => writeState(spec, { slots: await backend.read(), count })),
    load: (state) =>
      inTurn(async () => {
        const loaded = readState(spec, state);
        await backend.write(loaded.slots);
        count = loaded.count;
      }),
    sync: (which) =>
      inTurn(async () => {
        if (which === 'ema' && !spec.ema) throw noAverage(spec);
        await backend.sync(which);
      }),
    dispose: () => {
      if (isDisposed) return;
      isDisposed = true;
      void last.then(() => backend.dispose());
    },
  };
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
    expected: 'at least one parameter, each with a name of its own',
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
