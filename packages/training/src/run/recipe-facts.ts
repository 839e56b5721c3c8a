import type { Engine } from '@tessera/engine';
import type { Plugins } from '@tessera/models';
import { usesFlips } from '../data/data-kinds.ts';
import type { DataSet } from '../data/data-set.ts';
import { judgeStage } from '../judge/judge-stage.ts';
import { openShippedJudge } from '../judge/judge.ts';
import type { LoadedRecipe } from '../recipe/read-recipe.ts';
import type { TrainingRecipe } from '../stage/optimiser.ts';
import type { Batch, Stage } from '../stage/stage.ts';
import { tokenizerStage } from '../tokenizers/tokenizer-stage.ts';
import { digestsOf, requireFreshCheckpoints } from './provenance.ts';
import { dataRemarks, openRecipeData } from './recipe-data.ts';
import { fitParts, type FittedParts } from './recipe-parts.ts';
import { type OtherSeconds, type StageSeconds, timeOthers, timeStage } from './run-seconds.ts';
import { freshGenerator, lossCost } from './stage-costs.ts';

/** What one stage will cost. */
export interface StageFacts {
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

export interface FactsRequest {
  readonly loaded: LoadedRecipe;
  readonly engine: Engine;
  /** Third-party plug-ins, in addition to Tessera's own. */
  readonly plugins?: Partial<Plugins>;
  /** Steps to time for each stage, after a step that compiles; 0 measures nothing. */
  readonly measure: number;
  /** The folder of a run to continue. It is refused here as `runRecipe` would refuse it. */
  readonly resume?: string;
}

/**
 * Estimates the cost of running a recipe. Nothing is written.
 * @throws TesseraError `recipe-changed`, `data-changed`, and those of data, recipe and parts
 */
export async function recipeFacts(request: FactsRequest): Promise<RecipeFacts> {
  const { loaded, measure, resume } = request;
  const { recipe } = loaded;
  const data = await openRecipeData(loaded);
  const parts = await fitParts(request, data);
  if (resume !== undefined) await requireFreshCheckpoints({ recipe, digests: await digestsOf(data), out: resume });
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
      const usesJudge = tokenizer.loss.perceptual > 0 && judge?.kind === 'shipped';
      const network = usesJudge ? (await openShippedJudge(judge.name)).judge.maps : null;
      return tokenizerStage({ engine, data, recipe: tokenizer, config, seed, flips: usesFlips(recipe.data), network });
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
