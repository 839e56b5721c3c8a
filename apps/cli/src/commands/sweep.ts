import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { flag, text, texts, type Arguments } from '@tessera/command-line';
import { findModel, optionsSchema, type ModelOutline } from '@tessera/models';
import { modelEngineOptions, readEngineOptions, requireWritable } from '../common-options.ts';
import { generateSet, setsOf } from '../evaluation/generate-set.ts';
import { openModelSession, type ModelSession } from '../evaluation/model-session.ts';
import { measuringOptions } from '../evaluation/options.ts';
import { hashOfModel, openCells, samePoint, type Cells, type SweepManner } from '../sweep/cells.ts';
import { readGrid, type GridPoint } from '../sweep/grid.ts';
import { diversityChart, markdownOf, rowsOf, tableOf, timeChart } from '../sweep/summary.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = {
  ...measuringOptions,
  set: texts({
    value: 'NAME=VALUE,VALUE,...',
    help: 'values of `guidance` or of an option of the model, repeatable; all combinations are measured',
  }),
  out: text({ value: 'DIR', required: true, help: 'folder for cells, table and plots; a sweep that is there goes on' }),
  json: flag('print one JSON object for each combination'),
  ...modelEngineOptions,
} as const;

type Values = Arguments<typeof options>['values'];

export const sweep: Command<typeof options> = {
  positionals: { usage: 'MODEL', least: 1, most: 1 },
  options,
  examples: [
    'tessera sweep digits-var --set guidance=0,0.5,1,2 --set topP=0.9,1 --samples 500 --seeds 1,2,3 --out sweeps/var',
    'tessera sweep digits-mar --set steps=2,4,8,16 --out sweeps/mar --json',
  ],
  run,
};

const WHO = 'tessera sweep';

async function run({ positionals: [name], values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const { folder } = findModel(name!);
  const { against, network, size, samples, out } = values;
  await requireWritable(out);
  const pointsOf = (outline: ModelOutline): readonly GridPoint[] => readGrid(values.set, optionsSchema(outline), WHO);
  const engine = readEngineOptions(values);
  const settings = (outline: ModelOutline) => pointsOf(outline).map((point) => point.settings);
  const opened = await openModelSession({ folder, against, network, size, samples, engine, settings }, terminal);
  try {
    const points = pointsOf(opened.outline);
    const manner = await mannerOf(opened, folder, samples);
    const cells = await openCells(out, manner);
    await measureCells(opened, { points, cells, values }, terminal);
    const rows = rowsOf(points, cells.known);
    await writeWhole(join(out, 'table.md'), markdownOf(rows, manner));
    await writeWhole(join(out, 'quality-diversity.svg'), diversityChart(rows, manner));
    await writeWhole(join(out, 'time-quality.svg'), timeChart(rows, manner));
    terminal.done();
    if (values.json) for (const row of rows) terminal.out(JSON.stringify(row));
    else for (const line of aligned(tableOf(rows, manner))) terminal.out(line);
    return 0;
  } finally {
    terminal.done();
    opened.dispose();
  }
}

async function mannerOf(
  { model, opened, session }: ModelSession,
  folder: string,
  samples: number,
): Promise<SweepManner> {
  const { name: network, sha256: networkSha256 } = session.network;
  const modelSha256 = await hashOfModel(folder);
  return {
    model: model.name,
    modelSha256,
    precision: model.precision,
    against: opened.name,
    network,
    networkSha256,
    samples,
    floor: session.floor,
  };
}

interface Work {
  readonly points: readonly GridPoint[];
  readonly cells: Cells;
  readonly values: Values;
}

/** Measures what is not there yet, seed by seed, so that an interrupted sweep has all points early. */
async function measureCells(
  { model, opened, session }: ModelSession,
  { points, cells, values }: Work,
  terminal: Terminal,
): Promise<void> {
  const { samples } = values;
  const wanted = setsOf({ seeds: values.seeds ?? [1, 2, 3] }).flatMap((set) =>
    points.map((point) => ({ ...point, ...set })),
  );
  const left = wanted.filter(
    ({ named, seed }) => !cells.known.some((cell) => cell.seed === seed && samePoint(cell.named, named)),
  );
  const progress = terminal.progress(model.name, left.length * samples);
  progress.begin(`${left.length} of ${wanted.length} sets of ${samples} samples`);
  for (const [index, { named, settings, seed, first }] of left.entries()) {
    const made = (images: number): void => progress.update(index * samples + images, 'samples');
    const set = await generateSet({ model, opened }, { samples, seed: first, ...settings, made });
    const figures = await session.figuresOf(await session.measure(set.images));
    await cells.add({
      named,
      seed,
      figures,
      secondsPerImage: set.seconds / samples,
      processorSecondsPerImage: set.processorSeconds / samples,
    });
  }
}

async function writeWhole(path: string, contents: string): Promise<void> {
  await writeFile(`${path}.part`, contents);
  await rename(`${path}.part`, path);
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
