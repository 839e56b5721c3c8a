import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { choice, flag, text, type Arguments } from '@tessera/command-line';
import { TesseraError } from '@tessera/errors';
import { chart, fitPowerLaw, predict, type PowerLaw, type ScalingFit } from '@tessera/evaluation';
import { createEngine } from '@tessera/targets';
import { jsonLog, readRecipe, recipeFacts, type LoadedRecipe, type LogLine } from '@tessera/training';
import { engineOptions, readEngineOptions } from '../common-options.ts';
import { projectPlugins } from '../project.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = {
  runs: text({ value: 'DIR', required: true, help: 'folder with the folder NAME of each recipe’s training' }),
  by: choice({
    value: 'WHAT',
    of: ['parameters', 'flops'],
    otherwise: 'parameters',
    help: 'parameters of the generator, or floating-point operations of its training',
  }),
  loss: text({ value: 'NAME', otherwise: 'validation.loss', help: 'figure of the log to fit' }),
  out: text({ value: 'DIR', help: 'where to write table.md and scaling.svg (default: the folder of the runs)' }),
  json: flag('print one JSON object'),
  ...engineOptions,
} as const;

type Values = Arguments<typeof options>['values'];

export const fitScaling: Command<typeof options> = {
  positionals: { usage: 'RECIPE...', least: 1, most: 1000 },
  options,
  examples: [
    'tessera fit-scaling recipes/scaling/*.json --runs runs/scaling',
    'tessera fit-scaling recipes/scaling/*.json --runs runs/scaling --by flops --json',
  ],
  run,
};

async function run({ positionals, values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const { by, runs, out = runs } = values;
  const points = await pointsOf(positionals, values, terminal);
  const fit = fitPowerLaw(points.map((point) => ({ x: point[by], loss: point.loss })));
  const lines = [...tableLines(points), '', ...sentences(fit, values)];
  await mkdir(out, { recursive: true });
  await writeFile(join(out, `scaling-${by}.md`), `${lines.join('\n')}\n`);
  await writeFile(join(out, `scaling-${by}.svg`), drawFit(points, fit, values));
  if (values.json) terminal.out(JSON.stringify({ by, loss: values.loss, points, ...fit }));
  else for (const line of lines) terminal.out(line);
  return 0;
}

/** A finished training. */
interface TrainedPoint {
  readonly recipe: string;
  readonly parameters: number;
  readonly flops: number;
  readonly loss: number;
}

async function pointsOf(
  paths: readonly string[],
  { loss, runs, ...values }: Values,
  terminal: Terminal,
): Promise<readonly TrainedPoint[]> {
  const plugins = await projectPlugins(terminal);
  const engine = createEngine(readEngineOptions(values));
  try {
    const losses: number[] = [];
    for (const path of paths) losses.push(await lossOf(await readRecipe(path), { loss, runs })); // before long work
    const points: TrainedPoint[] = [];
    for (const [index, path] of paths.entries()) {
      const facts = await recipeFacts({ loaded: await readRecipe(path), engine, plugins, measure: 0 });
      const { parameters, flopsPerStep, steps } = facts.stages.find(({ name }) => name === 'generator')!;
      points.push({ recipe: facts.name, parameters, flops: flopsPerStep * steps, loss: losses[index]! });
    }
    return points.sort((a, b) => a.parameters - b.parameters);
  } finally {
    engine.dispose();
  }
}

/** The figure of the generator's last step. @throws TesseraError `run-unfinished` */
async function lossOf({ recipe }: LoadedRecipe, { loss, runs }: Pick<Values, 'loss' | 'runs'>): Promise<number> {
  if (!recipe.generator) throw notTrained(recipe.name, 'no generator', 'a recipe that trains one');
  const folder = join(runs, recipe.name);
  const last = await lastLine(folder, recipe.generator.steps);
  const value = last[loss];
  if (typeof value === 'number' && value > 0) return value;
  throw notTrained(folder, `no ${loss} above 0`, `one of ${Object.keys(last).join(', ')}`);
}

/** The line of the generator's last step. @throws TesseraError `run-unfinished` */
async function lastLine(folder: string, steps: number): Promise<LogLine> {
  const path = join(folder, 'log.jsonl');
  const exists = await readFile(path).then(
    () => true,
    () => false,
  );
  if (!exists) throw notTrained(folder, 'no log.jsonl', 'the folder of a training');
  const lines = (await jsonLog(path).read()).filter(({ stage }) => stage === 'generator');
  const last = lines.at(-1);
  if (last?.step === steps - 1) return last;
  throw notTrained(folder, `a generator after ${last ? last.step + 1 : 0} of ${steps} steps`, 'a finished training');
}

function notTrained(who: string, got: string, expected: string): TesseraError {
  const next = 'Train it with tessera train RECIPE --out RUNS/NAME --resume.';
  return new TesseraError({ code: 'run-unfinished', who, got, expected, next });
}

function tableLines(points: readonly TrainedPoint[]): string[] {
  return [
    '| recipe | parameters | operations of the training | loss |',
    '| --- | --: | --: | --: |',
    ...points.map(
      ({ recipe, parameters, flops, loss }) =>
        `| ${recipe} | ${parameters.toLocaleString('en')} | ${flops.toExponential(2)} | ${loss.toFixed(4)} |`,
    ),
  ];
}

function sentences({ law, interval, correlation, error }: ScalingFit, { by, loss }: Values): string[] {
  const range = (name: keyof PowerLaw): string =>
    `${number(law[name])} [${number(interval[name][0])}, ${number(interval[name][1])}]`;
  return [
    `${loss} = offset + factor * ${by}^-exponent, with intervals of 95% (bootstrap of the residuals):`,
    `offset ${range('offset')}, factor ${range('factor')}, exponent ${range('exponent')};`,
    `relative error ${(100 * error).toFixed(2)} %, correlation of the logarithms ${correlation.toFixed(4)}.`,
  ];
}

function number(value: number): string {
  return String(Number(value.toPrecision(3)));
}

const CURVE = 60;

function drawFit(points: readonly TrainedPoint[], { law }: ScalingFit, { by, loss }: Values): string {
  const xs = points.map((point) => point[by]);
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const curve = Array.from({ length: CURVE + 1 }, (_, i) => low * (high / low) ** (i / CURVE));
  return chart({
    title: `Scaling: ${loss} against ${by}`,
    x: {
      label: by === 'flops' ? 'floating-point operations of the training' : 'parameters of the generator',
      log: true,
    },
    y: { label: loss, log: true },
    series: [
      { name: 'trained', points: points.map((point) => ({ x: point[by], y: point.loss, label: point.recipe })) },
      {
        name: `${number(law.offset)} + ${number(law.factor)} x^-${number(law.exponent)}`,
        points: curve.map((x) => ({ x, y: predict(law, x) })),
        line: 'only',
      },
    ],
  });
}
