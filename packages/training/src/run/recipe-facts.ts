import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { disposeAll } from '@tessera/core';
import { type Engine, type GraphNode, trace, type TraceRng, type Value } from '@tessera/engine';
import type { TraceableNetwork } from '@tessera/features';
import { freshWeights, type Plugins } from '@tessera/models';
import { augmentationOf } from '../data/augment.ts';
import type { DataSet, ShowProgress } from '../data/data-set.ts';
import { judgeStage, openNamedJudge } from '../evaluation/judge.ts';
import type { LoadedRecipe, Recipe } from '../recipe/recipe.ts';
import type { TrainingRecipe } from '../stage/optimiser.ts';
import type { Batch, Stage } from '../stage/stage.ts';
import { type EncodedSplit, encodeImages } from '../tokenizers/encoded-split.ts';
import { openPerceptualNetwork, type PerceptualOptions, perceptualSource } from '../tokenizers/perceptual.ts';
import { type TokenizerRecipe, tokenizerStage } from '../tokenizers/tokenizer-stage.ts';
import { openGenerator } from './open-generator.ts';
import { digestsOf, requireFreshCheckpoints } from './provenance.ts';
import { dataRemarks, openRecipeData } from './recipe-data.ts';
import { fitParts, type FittedParts, type RecipeParts } from './recipe-parts.ts';
import { type OtherSeconds, type StageSeconds, timeOthers, timeStage } from './run-seconds.ts';
import { type StartModel, withStart } from './start-model.ts';

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
  const { loaded, start } = await withStart(request.loaded, data);
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
    measure > 0 && parts ? await timeOthers({ engine: request.engine, ...loaded, parts, data }) : noSeconds;
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

interface Planned {
  readonly training: TrainingRecipe;
  stage(): Promise<Stage & { dispose(): void }>;
}

function stagesOf(
  { loaded: { recipe, folder }, engine, plugins }: FactsRequest,
  {
    data,
    parts,
    start,
  }: { readonly data: DataSet; readonly parts: FittedParts | null; readonly start: StartModel | null },
): Planned[] {
  const { judge, tokenizer, generator, seed } = recipe;
  const planned: Planned[] = [];
  if (judge?.kind === 'train') {
    planned.push({
      training: judge,
      stage: async () => judgeStage({ engine, data, recipe: judge, seed, augmentation: augmentationOf(recipe.data) }),
    });
  }
  if (!parts) return planned;
  if (tokenizer && tokenizer.kind !== 'model') {
    const config = parts.facts.configs.tokenizer;
    const stage = async () => {
      const options = { image: data.image, folder, networks: plugins?.networks };
      const network = await perceptualNetwork(tokenizer, { judge, options });
      const augmentation = augmentationOf(recipe.data);
      const stage = tokenizerStage({ engine, data, recipe: tokenizer, config, seed, augmentation, network });
      return { ...stage, dispose: () => disposeAll([stage, ...(network ? [network] : [])]) };
    };
    planned.push({ training: tokenizer, stage });
  }
  if (generator)
    planned.push({ training: generator, stage: () => freshGenerator(recipe, parts, { engine, data, start }) });
  return planned;
}

/** What a perceptual term looks through. A judge that is still to be trained is left out. */
async function perceptualNetwork(
  { loss }: TokenizerRecipe,
  { judge, options }: { readonly judge: Recipe['judge']; readonly options: PerceptualOptions },
): Promise<TraceableNetwork | null> {
  const source = perceptualSource(loss.perceptual);
  if (typeof source === 'object') return openPerceptualNetwork(source.network, options);
  return source === 'judge' && judge ? openNamedJudge(judge, options.folder) : null;
}

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

/** Stage two on one repeated image, encoded by an untrained tokenizer. Costs do not depend on the contents of images. */
async function freshGenerator(
  recipe: Recipe,
  recipeParts: RecipeParts,
  { engine, data, start }: { engine: Engine; data: DataSet; start: StartModel | null },
): Promise<Stage & { dispose(): void }> {
  const { plugin } = recipeParts.parts.tokenizer;
  const context = { engine, weights: freshWeights(recipe.seed) };
  const tokenizer = plugin.build(recipeParts.facts.configs.tokenizer, context);
  const { name, shape, values } = await encodeImages(tokenizer, await data.train.read(Int32Array.of(0)), 1);
  const split: EncodedSplit = {
    count: 1,
    copies: 1,
    label_N: Int32Array.of(-1),
    name,
    shape,
    read: ({ length }) => repeated(values, length),
  };
  const encoded = { train: split, validation: split };
  const opened = await openGenerator({ recipe, engine, data, start }, recipeParts, { tokenizer, encoded });
  return { ...opened.stage, dispose: () => disposeAll([opened, tokenizer, context.weights]) };
}

function repeated<T extends Int32Array | Float32Array>(values: T, times: number): T {
  const all = new (values.constructor as new (length: number) => T)(times * values.length);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}
