import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createEngine } from '@tessera/targets';
import { TesseraError } from '@tessera/errors';
import { findModel, openModel, optionsSchema, outlineModel } from '@tessera/models';
import {
  evaluateReconstruction,
  evaluateSamples,
  openData,
  openShippedJudge,
  openTokenizer,
  readRecipe,
  requireJudgeable,
  requireSameClasses,
  type LoadedRecipe,
  type ReconstructionFigures,
} from '@tessera/training';
import { readChoices } from '../choices.ts';
import type { Arguments, Command } from '../command.ts';
import { engineOptions, readEngineOptions } from '../engine-options.ts';
import { integer, number } from '../numbers.ts';
import { projectPlugins, sayRemarks } from '../project-plugins.ts';
import type { Terminal } from '../terminal.ts';

export const evaluate: Command = {
  usage: 'MODEL [--samples N]',
  options: {
    recipe: { type: 'string', value: 'FILE', help: 'recipe that names data and judge (default: recipes/MODEL.json)' },
    samples: { type: 'string', value: 'N', help: 'how many images are made and judged (default 1000)' },
    seed: { type: 'string', value: 'S', help: 'seed of the first image (default 1)' },
    guidance: { type: 'string', value: 'G', help: 'strength of guidance (default: the model’s own)' },
    set: { type: 'string', value: 'NAME=VALUE', help: 'an option of the model, repeatable', repeats: true },
    json: { type: 'boolean', help: 'print one JSON object' },
    ...engineOptions,
  },
  examples: [
    'tessera eval digits-var',
    'tessera eval digits-mar --samples 200 --guidance 3 --set temperature=0.9 --json',
  ],
  positionals: [1, 1],
  run,
};

async function run({ positionals: [name], values, lists }: Arguments, terminal: Terminal): Promise<number> {
  const { folder } = findModel(name!);
  const plugins = await projectPlugins(terminal);
  const samples = integer('--samples', values['samples'] ?? '1000', 10, 100_000);
  const seed = integer('--seed', values['seed'] ?? '1', 0, Number.MAX_SAFE_INTEGER - samples);
  const { recipe, folder: recipeFolder } = await findRecipe(values['recipe'], folder);
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
    ...(values['guidance'] !== undefined && { guidance: number('--guidance', values['guidance']) }),
    options: readChoices(lists['set'] ?? [], optionsSchema(outline)),
  };
  const engine = createEngine(readEngineOptions(values));
  const judge = await openShippedJudge(recipe.judge.name);
  const data = await openData(recipe.data, { folder: recipeFolder, seed: recipe.seed });
  requireJudgeable(data, { who: recipe.name, judge: judge.judge.config });
  requireSameClasses(outline.manifest.classes, data.classes, recipe.name);
  const model = await openModel(folder, { engine, plugins });
  const tokenizer = await openTokenizer(folder, { engine, plugins });
  try {
    const progress = terminal.progress(model.name, samples);
    progress.begin(`${samples} samples`);
    const figures = await evaluateSamples({
      engine,
      model,
      judge: judge.judge,
      data,
      samples,
      seed,
      progress,
      ...chosen,
    });
    progress.begin('test images through its tokenizer');
    const reconstruction = await evaluateReconstruction(
      { engine, tokenizer, judge: judge.judge, data },
      { images: samples, seed },
    );
    terminal.done();
    const facts = {
      model: model.name,
      judge: `${judge.name} ${judge.sha256.slice(0, 12)}`,
      seed,
      ...chosen,
      ...figures,
      reconstruction,
    };
    if (values['json'] === true) terminal.out(JSON.stringify(facts));
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
async function findRecipe(option: string | boolean | undefined, modelFolder: string): Promise<LoadedRecipe> {
  if (typeof option === 'string') return readRecipe(option);
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
