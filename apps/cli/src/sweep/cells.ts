import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson, TesseraError } from '@tessera/errors';
import type { Precision } from '@tessera/engine';
import type { Figures } from '@tessera/evaluation';

/** One set of images of one point of the grid, measured. */
export interface Cell {
  readonly named: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly figures: Figures;
  /** By the clock. */
  readonly secondsPerImage: number;
  /** Of all cores. */
  readonly processorSecondsPerImage: number;
}

/** What all cells of a folder were measured with: figures of other manners do not belong into one table. */
export interface SweepManner {
  readonly model: string;
  /** SHA-256 of the model's files. */
  readonly modelSha256: string;
  readonly precision: Precision;
  readonly against: string;
  readonly network: string;
  readonly networkSha256: string;
  readonly samples: number;
  readonly floor: Figures | null;
}

/** The cells that are in a folder. */
export interface Cells {
  readonly known: readonly Cell[];
  add(cell: Cell): Promise<void>;
}

/**
 * Opens a folder of cells, or begins one. Half a line, which a killed process may leave, is dropped.
 * @throws TesseraError `protocols-differ` for a folder of another manner
 */
export async function openCells(out: string, manner: SweepManner): Promise<Cells> {
  await mkdir(out, { recursive: true });
  await requireManner(join(out, 'sweep.json'), manner);
  const path = join(out, 'cells.jsonl');
  const text = await readFile(path, 'utf8').catch(() => '');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) await writeFile(path, whole);
  const known = whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Cell]));
  return {
    known,
    async add(cell) {
      known.push(cell);
      await appendFile(path, `${JSON.stringify(cell)}\n`);
    },
  };
}

async function requireManner(path: string, manner: SweepManner): Promise<void> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null) {
    await writeFile(`${path}.part`, `${JSON.stringify(manner, null, 2)}\n`);
    await rename(`${path}.part`, path);
    return;
  }
  const refusal = { code: 'sweep-malformed', who: path, expected: 'what a sweep has written' };
  const before = parseJson(bytes, refusal) as Readonly<Record<string, unknown>>;
  for (const [name, value] of Object.entries(manner)) {
    // Sweeps of before said none: they were in float32.
    const due = name === 'precision' ? (before[name] ?? 'float32') : before[name];
    if (name === 'floor' || due === value) continue;
    throw new TesseraError({
      code: 'protocols-differ',
      who: path,
      got: `${name} ${String(value)}`,
      expected: `${String(due)}, with which its cells were measured`,
      next: 'Choose another folder with --out, or ask for the same again.',
    });
  }
}

/** SHA-256 of the description and the weights of a model. */
export async function hashOfModel(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const names = (await readdir(folder)).filter((name) => name === 'model.json' || name.endsWith('.safetensors')).sort();
  for (const name of names)
    for await (const bytes of createReadStream(join(folder, name))) hash.update(bytes as Buffer);
  return hash.digest('hex');
}

/** Whether two points are the same, whatever the order of their names. */
export function samePoint(a: Cell['named'], b: Cell['named']): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
