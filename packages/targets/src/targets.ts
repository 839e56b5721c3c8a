import { availableParallelism } from 'node:os';
import process from 'node:process';
import { makeEngine, PRECISION_CHOICES, type Engine, type PrecisionChoice } from '@tessera/engine';
import type { Target } from '@tessera/engine/target';
import { TesseraError } from '@tessera/errors';
import type { XlaUse } from '@tessera/target-tensorflow';
import { selectTarget, type TargetName } from './select-target.ts';

export interface EngineOptions {
  /** One of `TARGETS`, for programs and training steps; by default what TESSERA_TARGET says, or the fastest here for each. */
  readonly target?: string;
  /** Threads of one operation: by default one per core. */
  readonly threads?: number;
  /** For the target `tensorflow`: what XLA compiles. By default `auto`: what lies between the products of training steps. */
  readonly xla?: XlaUse;
  /** One of `PRECISION_CHOICES`, for the models that are opened with this engine; by default what each model says. */
  readonly precision?: string;
}

type TargetOptions = Required<Omit<EngineOptions, 'target' | 'precision'>>;

/** What loads each target: a new one is a package and a line here, and its name in `TARGETS`. */
const LOAD: Readonly<Record<TargetName, (options: TargetOptions) => Promise<Target>>> = {
  onnx: async (options) => (await import('@tessera/target-onnx')).onnxTarget(options),
  tensorflow: async (options) => (await import('@tessera/target-tensorflow')).tensorFlowTarget(options),
  eager: async () => (await import('@tessera/target-eager')).eagerTarget(),
  'tensorflow-eager': tensorFlowEager,
};

/** Plain tfjs on the kernels of TensorFlow. */
async function tensorFlowEager({ threads }: TargetOptions): Promise<Target> {
  const { tensorFlowBackend } = await import('@tessera/target-tensorflow');
  const { plainTarget } = await import('@tessera/target-eager');
  return plainTarget({ name: 'tensorflow-eager', backend: () => tensorFlowBackend(threads) });
}

/**
 * Makes an engine. Nothing is loaded before the first program runs.
 * @throws TesseraError `target-unknown`, `threads-invalid`, `xla-invalid`, `precision-unknown`
 */
export function createEngine(engine: EngineOptions = {}): Engine {
  const { target, threads = availableParallelism(), xla = 'auto' } = engine;
  const programs = selectTarget({ use: 'inference', asked: target });
  const { precision, words } = chosenPrecision(engine.precision, programs.target);
  const training = selectTarget({ use: 'training', asked: target });
  const options = { threads: checkThreads(threads), xla: checkXla(xla) };
  const source = (name: TargetName) => ({ name, load: () => LOAD[name](options) });
  return makeEngine({
    target: source(programs.target),
    training: source(training.target),
    precision,
    why: { target: `${programs.why}${words}`, training: training.why },
  });
}

function checkThreads(threads: number): number {
  if (Number.isInteger(threads) && threads > 0) return threads;
  throw new TesseraError({
    code: 'threads-invalid',
    who: 'createEngine',
    got: `${threads} threads`,
    expected: 'a whole number above 0',
  });
}

/** `auto` stands where int8 was measured to be faster: ONNX Runtime on x86. Elsewhere models choose as if nothing was said. */
function chosenPrecision(
  name: string | undefined,
  target: TargetName,
): { readonly precision: PrecisionChoice | null; readonly words: string } {
  if (name === undefined) return { precision: null, words: '' };
  const precision = checkPrecision(name);
  if (precision !== 'auto') return { precision, words: `; in ${precision}` };
  if (target === 'onnx' && process.arch === 'x64') return { precision, words: '; large models in int8' };
  return { precision: null, words: '; not in int8, which was not measured to be faster here' };
}

function checkPrecision(name: string): PrecisionChoice {
  const precision = PRECISION_CHOICES.find((known) => known === name);
  if (precision) return precision;
  throw new TesseraError({
    code: 'precision-unknown',
    who: 'createEngine',
    got: `the precision '${name}'`,
    expected: PRECISION_CHOICES.map((known) => `'${known}'`).join(' or '),
  });
}

function checkXla(xla: XlaUse): XlaUse {
  if (['auto', 'always', 'never'].includes(xla)) return xla;
  throw new TesseraError({
    code: 'xla-invalid',
    who: 'createEngine',
    got: `xla: '${xla}'`,
    expected: 'auto, always or never',
  });
}
