import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { type Engine, type GraphNode, trace, type TraceRng, type Value } from '@tessera/engine';
import type { Plugins } from '@tessera/models';
import type { ShowProgress } from '../data/data-set.ts';
import type { LoadedRecipe } from '../recipe/recipe.ts';
import type { TrainingRecipe } from '../stage/optimiser.ts';
import type { Batch, Stage } from '../stage/stage.ts';
import { completeRecipe } from './complete-recipe.ts';
import { stagesOf } from './planned-stages.ts';
import { digestsOf, requireFreshCheckpoints } from './provenance.ts';
import { dataRemarks, openRecipeData } from './recipe-data.ts';
import { fitParts } from './recipe-parts.ts';
import { type OtherSeconds, type StageSeconds, timeOthers, timeStage } from './run-seconds.ts';

/** What one stage will cost. */
interface StageFacts {
  readonly name: string;
  readonly parameters: number;
  readonly steps: number;
  /** Images of one optimiser step. */
  readonly images: number;
  /** Floating-point operations of one optimiser step. The backward pass counts as two forward passes. */
  readonly flopsPerStep: number;
  /** Parameters, gradients, moments, averages, and the activations of one batch in each of the stage's programs. */
  readonly memoryBytes: number;
  /** Measured on this machine; null if nothing was measured. */
  readonly secondsPerStep: number | null;
}

export interface RecipeFacts {
  readonly name: string;
  readonly images: { readonly train: number; readonly validation: number; readonly test: number };
  /** Sentences about the data for the user. */
  readonly remarks: readonly string[];
  /** A summary of a folder of images; null for other data. */
  readonly found: string | null;
  /** How many entries of the folder were skipped, by kind. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly stages: readonly StageFacts[];
  /** Parameters of the model, without its judge. */
  readonly parameters: number;
  /** Of the whole run; null if nothing was measured. */
  readonly seconds: number | null;
  /** The same seconds by kind of work. */
  readonly secondsOf: Readonly<Record<'steps' | 'validation' | keyof OtherSeconds, number>> | null;
}

interface FactsRequest {
  readonly loaded: LoadedRecipe;
  readonly engine: Engine;
  /** Third-party plug-ins, in addition to Tessera's own. */
  readonly plugins?: Partial<Plugins>;
  /** Steps to time for each stage, after a step that compiles; 0 measures nothing. */
  readonly measure: number;
  /** The folder of a run to continue. It is refused here as `runRecipe` would refuse it. */
  readonly resume?: string;
  /** For data that is drawn or fetched. */
  readonly progress?: ShowProgress;
}

/**
 * Estimates the cost of running a recipe. Nothing is written.
 * @throws TesseraError `recipe-changed`, `data-changed`, and those of data, recipe and parts
 */
export async function recipeFacts(request: FactsRequest): Promise<RecipeFacts> {
  const { measure, resume, progress } = request;
  const data = await openRecipeData(request.loaded, { networks: request.plugins?.networks, progress });
  const { loaded, start } = await completeRecipe(request.loaded, data, request.plugins);
  const { recipe } = loaded;
  const parts = await fitParts({ ...request, loaded }, data);
  if (resume !== undefined)
    await requireFreshCheckpoints({ recipe, digests: await digestsOf(data, start), out: resume });
  const stages: StageFacts[] = [];
  const timed: StageSeconds[] = [];
  for (const { stage, training } of stagesOf({ ...request, loaded }, { data, parts, start })) {
    const opened = await stage();
    try {
      const facts = await stageFacts(opened, training);
      const timing = { training, measure, heldOut: data.validation.count };
      const seconds = measure > 0 ? await timeStage(opened, timing) : null;
      if (seconds) timed.push(seconds);
      stages.push({ ...facts, secondsPerStep: seconds && seconds.perStep });
    } finally {
      opened.dispose();
    }
  }
  const others =
    measure > 0 && parts && recipe.generator
      ? await timeOthers({ engine: request.engine, ...loaded, parts, data })
      : noSeconds;
  const secondsOf = secondsByWork(stages, timed, others);
  const { train, validation, test, found = null, skipped = {} } = data;
  return {
    name: recipe.name,
    images: { train: train.count, validation: validation.count, test: test.count },
    remarks: dataRemarks(data),
    found,
    skipped,
    stages,
    parameters:
      (parts?.taken?.parameters ?? 0) +
      sum(stages.filter(({ name }) => name !== 'judge').map(({ parameters }) => parameters)),
    seconds: measure > 0 ? sum(Object.values(secondsOf)) : null,
    secondsOf: measure > 0 ? secondsOf : null,
  };
}

function secondsByWork(
  stages: readonly StageFacts[],
  timed: readonly StageSeconds[],
  others: OtherSeconds,
): NonNullable<RecipeFacts['secondsOf']> {
  return {
    ...others,
    steps: sum(stages.map(({ steps, secondsPerStep }) => steps * (secondsPerStep ?? 0))),
    validation: sum(timed.map(({ validation }) => validation)),
    compiling: others.compiling + sum(timed.map(({ compiling }) => compiling)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const noSeconds: OtherSeconds = { encoding: 0, pictures: 0, evaluation: 0, compiling: 0 };

async function stageFacts(
  stage: Stage,
  { steps, batch, accumulate, optimiser }: TrainingRecipe,
): Promise<Omit<StageFacts, 'secondsPerStep'>> {
  const parameters = stage.spec.params.reduce((sum, { variable }) => sum + variable.size, 0);
  const given = await stage.batches(steps - 1);
  const cost = lossCost(stage, given[0]!);
  disposeBatches(given);
  const kept = optimiser.ema > 0 ? 5 : 4;
  return {
    name: stage.name,
    parameters,
    steps,
    images: batch * accumulate,
    flopsPerStep: 3 * cost.flops * accumulate,
    memoryBytes: 4 * kept * parameters + 2 * cost.activationBytes * (stage.programs ?? 1),
  };
}

function disposeBatches(batches: readonly Batch[]): void {
  for (const batch of batches) for (const tensor of Object.values(batch)) tensor.dispose();
}

interface LossCost {
  /** Floating-point operations of one forward pass: of convolutions, matrix products and attention. */
  readonly flops: number;
  /** Bytes of all results of the forward pass. The backward pass needs most of them. */
  readonly activationBytes: number;
}

/** The cost of one evaluation of a loss, from its graph. Nothing is computed. */
export function lossCost({ name, spec }: Pick<Stage, 'name' | 'spec'>, batch: Batch): LossCost {
  const names = Object.keys(batch);
  const inputs = names.map((key) => ({ shape: batch[key]!.shape, dtype: batch[key]!.dtype as Value['dtype'] }));
  const graph = trace(
    (...given: Tensor[]) => [spec.loss(Object.fromEntries(names.map((key, i) => [key, given[i]!])), zeros).loss],
    { name, inputs, parameters: spec.params.map(({ variable }) => variable) },
  );
  const made = graph.nodes.flatMap(({ outputs }) => outputs);
  return {
    flops: graph.nodes.reduce((sum, node) => sum + flopsOf(node), 0),
    activationBytes: made.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0),
  };
}

/** Zeros in place of random numbers: costs do not depend on values. */
const zeros: TraceRng = {
  uniform: (_, shape) => tf.zeros([...shape]),
  normal: (_, shape) => tf.zeros([...shape]),
};

function flopsOf({ kernel, inputs, outputs }: GraphNode): number {
  const [out] = outputs;
  switch (kernel) {
    case 'Conv2D': {
      const [height, width, channels] = inputs['filter']!.shape;
      return 2 * sizeOf(out!.shape) * height! * width! * channels!;
    }
    case 'BatchMatMul': {
      // Either operand may be transposed, so the inner size is found from the sizes of operand and result.
      const inner = sizeOf(inputs['a']!.shape.slice(-2)) / out!.shape.at(-2)!;
      return 2 * sizeOf(out!.shape) * inner;
    }
    case 'TesseraLinear':
      return 2 * sizeOf(out!.shape) * inputs['x']!.shape.at(-1)!;
    case 'TesseraAttention': {
      const [images, heads, queries, size] = inputs['q']!.shape;
      return 4 * images! * heads! * queries! * size! * inputs['k']!.shape[2]!;
    }
    default:
      return 0;
  }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
