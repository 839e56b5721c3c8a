import type { Engine } from '@tessera/engine';
import type { Plugins } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import { openShippedJudge } from '../evaluation/shipped-judge.ts';
import type { LoadedRecipe } from '../recipe/read-recipe.ts';
import type { TrainingRecipe } from '../recipe/optimiser.ts';
import { judgeStage } from '../trainer/judge-stage.ts';
import type { Batch, Stage } from '../trainer/stage.ts';
import { tokenizerStage } from '../trainer/tokenizer-stage.ts';
import { lossCost } from './flops.ts';
import { fittedParts, type FittedParts } from './fitted-parts.ts';
import { freshGenerator } from './fresh-generator.ts';
import { dataRemarks, openRecipeData } from './recipe-data.ts';
import { timeOthers, timeStage, type OtherSeconds, type StageSeconds } from './run-seconds.ts';
import { digestsOf, flipsOf, requireGoodCheckpoints } from './stage-ingredients.ts';

/** What one stage will cost. */
export interface StageFacts {
  readonly name: string;
  readonly parameters: number;
  readonly steps: number;
  /** Images of one optimiser step. */
  readonly images: number;
  /** Floating-point operations of one optimiser step; the way back counts twice the way forward. */
  readonly flopsPerStep: number;
  /** Parameters, gradients, moments, averages, and the activations of one batch in each of the stage's programs. */
  readonly memoryBytes: number;
  /** Measured on this machine, now, as all times here; null if nothing was measured. */
  readonly secondsPerStep: number | null;
}

export interface RecipeFacts {
  readonly name: string;
  readonly images: { readonly train: number; readonly validation: number; readonly test: number };
  /** Sentences about the data that a person should know. */
  readonly remarks: readonly string[];
  /** What was found in a folder of images, in words; null for other data. */
  readonly found: string | null;
  /** How many entries of the folder were passed over, by kind. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly stages: readonly StageFacts[];
  /** Parameters of the model, without its judge. */
  readonly parameters: number;
  /** Of the whole run; null if nothing was measured. */
  readonly seconds: number | null;
  /** What these seconds go into. */
  readonly secondsOf: Readonly<Record<'steps' | 'validation' | keyof OtherSeconds, number>> | null;
}

export interface FactsRequest {
  readonly loaded: LoadedRecipe;
  readonly engine: Engine;
  /** Besides Tessera's own. */
  readonly plugins?: Partial<Plugins>;
  /** Steps to time for each stage, after one that compiles; 0 measures nothing. */
  readonly measure: number;
  /** The folder of a run that is to go on: it is refused here as `runRecipe` would refuse it. */
  readonly resume?: string;
}

/**
 * What running a recipe would cost. Nothing is written.
 * @throws TesseraError `recipe-changed`, `data-changed`, and those of data, recipe and parts
 */
export async function recipeFacts(request: FactsRequest): Promise<RecipeFacts> {
  const { loaded, measure, resume } = request;
  const { recipe } = loaded;
  const data = await openRecipeData(loaded);
  const parts = await fittedParts(request, data);
  if (resume !== undefined) await requireGoodCheckpoints({ recipe, digests: await digestsOf(data), out: resume });
  const stages: StageFacts[] = [];
  const timed: StageSeconds[] = [];
  for (const { stage, training } of stagesOf(request, { data, parts })) {
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
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const others = measure > 0 && parts ? await timeOthers({ engine: request.engine, recipe, parts, data }) : noSeconds;
  const secondsOf = {
    ...others,
    steps: sum(stages.map(({ steps, secondsPerStep }) => steps * (secondsPerStep ?? 0))),
    validation: sum(timed.map(({ validation }) => validation)),
    compiling: others.compiling + sum(timed.map(({ compiling }) => compiling)),
  };
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

const noSeconds: OtherSeconds = { encoding: 0, pictures: 0, evaluation: 0, compiling: 0 };

interface Planned {
  readonly training: TrainingRecipe;
  stage(): Promise<Stage & { dispose(): void }>;
}

function stagesOf(
  { loaded: { recipe }, engine }: FactsRequest,
  { data, parts }: { readonly data: DataSet; readonly parts: FittedParts | null },
): Planned[] {
  const { judge, tokenizer, generator, seed } = recipe;
  const planned: Planned[] = [];
  if (judge?.kind === 'train') {
    planned.push({ training: judge, stage: async () => judgeStage({ engine, data, recipe: judge, seed }) });
  }
  if (!parts) return planned;
  if (tokenizer && tokenizer.kind !== 'model') {
    const config = parts.facts.configs.tokenizer;
    const stage = async () => {
      const looks = tokenizer.loss.perceptual > 0 && judge?.kind === 'shipped';
      const network = looks ? (await openShippedJudge(judge.name)).judge.maps : null;
      return tokenizerStage({ engine, data, recipe: tokenizer, config, seed, flips: flipsOf(recipe), network });
    };
    planned.push({ training: tokenizer, stage });
  }
  if (generator) planned.push({ training: generator, stage: () => freshGenerator(recipe, parts, { engine, data }) });
  return planned;
}

async function stageFacts(
  stage: Stage,
  { steps, batch, accumulate, optimiser }: TrainingRecipe,
): Promise<Omit<StageFacts, 'secondsPerStep'>> {
  const parameters = stage.spec.params.reduce((sum, { variable }) => sum + variable.size, 0);
  const given = await stage.batches(steps - 1);
  const cost = lossCost(stage, given[0]!);
  disposeAll(given);
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

function disposeAll(batches: readonly Batch[]): void {
  for (const batch of batches) for (const tensor of Object.values(batch)) tensor.dispose();
}
