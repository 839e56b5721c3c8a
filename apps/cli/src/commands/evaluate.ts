import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { flag, given, integer, number, text, type Arguments } from '@tessera/command-line';
import { TesseraError } from '@tessera/errors';
import { openShippedJudge } from '@tessera/features';
import { findModel, openModel, optionsSchema, outlineModel } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import {
  evaluateReconstruction,
  evaluateSamples,
  openData,
  openTokenizer,
  readRecipe,
  requireJudgeable,
  requireSameClasses,
  type LoadedRecipe,
  type ReconstructionFigures,
} from '@tessera/training';
import { engineOptions, readEngineOptions, readSettings, setOption } from '../common-options.ts';
import { projectPlugins, sayRemarks } from '../project.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const MOST_SAMPLES = 100_000;

const options = {
  recipe: text({ value: 'FILE', help: 'recipe that names data and judge (default: recipes/MODEL.json)' }),
  samples: integer({
    value: 'N',
    from: 10,
    to: MOST_SAMPLES,
    otherwise: 1000,
    help: 'how many images are generated and judged',
  }),
  seed: integer({
    value: 'S',
    from: 0,
    to: Number.MAX_SAFE_INTEGER - MOST_SAMPLES,
    otherwise: 1,
    help: 'seed of the first image',
  }),
  guidance: number({ value: 'G', help: 'strength of guidance (default: the model’s own)' }),
  set: setOption,
  json: flag('print one JSON object'),
  ...engineOptions,
} as const;

export const evaluate: Command<typeof options> = {
  positionals: { usage: 'MODEL', least: 1, most: 1 },
  options,
  examples: [
    'tessera eval digits-var',
    'tessera eval digits-mar --samples 200 --guidance 3 --set temperature=0.9 --json',
  ],
  run,
};

async function run({ positionals: [name], values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const { samples, seed } = values;
  const { folder } = findModel(name!);
  const plugins = await projectPlugins(terminal);
  const { recipe, folder: recipeFolder } = await findRecipe(values.recipe, folder);
  if (recipe.judge?.kind !== 'shipped') {
    throw new TesseraError({
      code: 'judge-missing',
      who: 'tessera eval',
      got: `the recipe ${recipe.name} without a judge that ships`,
      expected: 'judge.kind "shipped", so that figures can be compared',
    });
  }
  const outline = await outlineModel(folder, plugins);
  sayRemarks(outline, terminal);
  const chosen = {
    ...given({ guidance: values.guidance }),
    options: readSettings(values.set, optionsSchema(outline), 'tessera eval'),
  };
  const engine = createEngine(readEngineOptions(values));
  const judge = await openShippedJudge(recipe.judge.name);
  const data = await openData(recipe.data, { folder: recipeFolder, seed: recipe.seed });
  requireJudgeable(data, { who: recipe.name, judge: judge.config });
  requireSameClasses(outline.manifest.classes, data.classes, recipe.name);
  const model = await openModel(folder, { engine, plugins });
  const tokenizer = await openTokenizer(folder, { engine, plugins });
  try {
    const progress = terminal.progress(model.name, samples);
    progress.begin(`${samples} samples`);
    const figures = await evaluateSamples({
      engine,
      model,
      judge,
      data,
      samples,
      seed,
      progress,
      ...chosen,
    });
    progress.begin('test images through its tokenizer');
    const reconstruction = await evaluateReconstruction({ engine, tokenizer, judge, data }, { images: samples, seed });
    terminal.done();
    const facts = {
      model: model.name,
      judge: `${judge.name} ${judge.sha256.slice(0, 12)}`,
      seed,
      ...chosen,
      ...figures,
      reconstruction,
    };
    if (values.json) terminal.out(JSON.stringify(facts));
    else for (const line of lines(facts)) terminal.out(line);
    return 0;
  } finally {
    terminal.done();
    tokenizer.dispose();
    model.dispose();
    judge.dispose();
    engine.dispose();
  }
}

/** The recipe that was named, or the one beside the models folder that has the model's name. */
async function findRecipe(option: string | undefined, modelFolder: string): Promise<LoadedRecipe> {
  if (option !== undefined) return readRecipe(option);
  const name = `${modelFolder.split(/[/\\]/).at(-1)}.json`;
  const guess = join(dirname(dirname(modelFolder)), 'recipes', name);
  if (existsSync(guess)) return readRecipe(guess);
  throw new TesseraError({
    code: 'recipe-missing',
    who: 'tessera eval',
    got: `no recipe at ${guess}`,
    expected: 'a recipe that names the data and the judge',
    next: 'Name one with --recipe FILE.',
  });
}

interface Facts extends Awaited<ReturnType<typeof evaluateSamples>> {
  readonly model: string;
  readonly judge: string;
  readonly seed: number;
  readonly reconstruction: ReconstructionFigures;
}

function lines(facts: Facts): string[] {
  const { model, judge, samples, recognised, fdCnn, fdCnnFloor, reference, imagesPerSecond, reconstruction } = facts;
  return [
    `${model}, ${samples} samples, judge ${judge}`,
    `recognised  ${(100 * recognised).toFixed(1)} %`,
    `FD-CNN      ${fdCnn.toFixed(2)} (floor: ${fdCnnFloor.toFixed(2)}, real test images; reference: ${reference} training images)`,
    `tokenizer   PSNR ${reconstruction.psnr.toFixed(1)} dB, SSIM ${reconstruction.ssim.toFixed(3)} on ${reconstruction.images} test images`,
    `throughput  ${imagesPerSecond.toFixed(1)} images/s`,
  ];
}
