import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pixels } from '@tessera/core';
import { createEngine } from '@tessera/engine';
import { findModel, openModel, type Model } from '@tessera/models';
import { encodePng, enlarge, tile } from '@tessera/pictures';
import type { Arguments, Command } from '../command.ts';
import { engineOptions, readEngineOptions } from '../engine-options.ts';
import { readLabels } from '../labels.ts';
import { integer, number, required } from '../numbers.ts';
import { requireWritable } from '../output-folder.ts';
import type { Terminal } from '../terminal.ts';

/** What one run took, for `--json`. Times in milliseconds. */
interface Timings {
  readonly load: number;
  readonly scales: { readonly index: number; readonly tokens: number; readonly ms: number }[];
  decode: number;
  total: number;
}

export const generate: Command = {
  usage: '--model NAME --out DIR [--label L] [--count N] [--seed S]',
  options: {
    model: { type: 'string', value: 'NAME', help: 'a model of tessera models, or a path to a model folder' },
    label: {
      type: 'string',
      value: 'L',
      help: 'class: a number, a name, a list 0,1,2, or none (default: each in turn)',
    },
    count: { type: 'string', value: 'N', help: 'how many images (default 1)' },
    seed: { type: 'string', value: 'S', help: 'seed of the first image; image i has S + i (default 0)' },
    out: { type: 'string', value: 'DIR', help: 'folder for the PNG files (made if missing)' },
    guidance: { type: 'string', value: 'G', help: 'strength of guidance, 0 for none (default: the model’s own)' },
    'top-k': { type: 'string', value: 'K', help: 'sample among the K likeliest tokens, 0 for all' },
    'top-p': {
      type: 'string',
      value: 'P',
      help: 'sample among the likeliest tokens of joint probability P, 0 for all',
    },
    smooth: { type: 'boolean', help: 'blend tokens by Gumbel smoothing: prettier, less diverse' },
    'steps-strip': { type: 'boolean', help: 'also write steps.png: every scale of every image, coarse to fine' },
    batch: { type: 'string', value: 'B', help: 'images computed together (default 8; never changes an image)' },
    json: { type: 'boolean', help: 'print files and timings per scale as one JSON object' },
    ...engineOptions,
  },
  examples: [
    'tessera generate --model digits-var --label 7 --count 16 --seed 1 --out digits',
    'tessera generate --model digits-var --label 0,1,2,3 --count 4 --out digits --steps-strip',
    'tessera generate --model ./my-model --label cat --guidance 1.5 --top-k 900 --top-p 0.96 --out cats --json',
  ],
  positionals: [0, 0],
  run,
};

async function run({ values }: Arguments, terminal: Terminal): Promise<number> {
  const out = required('generate', '--out DIR', values['out']);
  const { folder } = findModel(required('generate', '--model NAME', values['model']));
  const count = integer('--count', values['count'] ?? '1', 1, 10_000);
  const seed = integer('--seed', values['seed'] ?? '0', 0, Number.MAX_SAFE_INTEGER - count);
  const batch = integer('--batch', values['batch'] ?? '8', 1, 256);
  await requireWritable(out);

  const started = performance.now();
  const engine = createEngine(readEngineOptions(values));
  const model = await openModel(folder, { engine });
  const labels = readLabels(values['label'], count, model);
  const timings: Timings = { load: performance.now() - started, scales: [], decode: 0, total: 0 };
  const images: Pixels[] = [];
  const strips: Pixels[][] = [];
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort(new DOMException('Interrupted: nothing was written.', 'AbortError')));
  try {
    for (let first = 0; first < count; first += batch) {
      const request = {
        labels: labels.slice(first, first + batch),
        seed: seed + first,
        ...(values['guidance'] === undefined ? {} : { guidance: number('--guidance', values['guidance']) }),
        options: readOptions(values),
        preview: values['steps-strip'] === true ? ('decoded' as const) : ('none' as const),
        signal: abort.signal,
      };
      const progress = (within: number, what: string) =>
        terminal.progress((first + within * request.labels.length) / count, `${model.name}: ${what}`);
      await collect(model, request, { images, strips, timings, progress });
    }
  } finally {
    terminal.done();
    model.dispose();
    engine.dispose();
  }
  timings.total = performance.now() - started;
  const files = await writeImages(out, { images, strips, labels, seed });
  report(terminal, { files, timings, json: values['json'] === true, out, model: model.name, target: engine.target });
  return 0;
}

/** The head's options that were given; the model's defaults stand for the others. */
function readOptions(values: Arguments['values']): Record<string, unknown> {
  return {
    ...(values['top-k'] === undefined ? {} : { topK: number('--top-k', values['top-k']) }),
    ...(values['top-p'] === undefined ? {} : { topP: number('--top-p', values['top-p']) }),
    ...(values['smooth'] === true ? { smooth: true } : {}),
  };
}

type Request = Parameters<Model['generate']>[0];

interface Collected {
  readonly images: Pixels[];
  readonly strips: Pixels[][];
  readonly timings: Timings;
  readonly progress: (within: number, what: string) => void;
}

/** Runs one batch to its end and keeps images, previews and times. */
async function collect(
  model: Model,
  request: Request,
  { images, strips, timings, progress }: Collected,
): Promise<void> {
  let last = performance.now();
  const first = strips.length;
  for await (const event of model.generate(request)) {
    const now = performance.now();
    if (event.type === 'step') {
      const { index, of, positions_Bl } = event.step;
      timings.scales.push({ index, tokens: positions_Bl.length, ms: now - last });
      progress((index + 1) / (of + 1), `scale ${index + 1} of ${of}`);
      event.previews?.forEach((preview, i) => (strips[first + i] ??= []).push(preview));
    } else {
      timings.decode += now - last;
      images.push(event.pixels);
    }
    last = now;
  }
}

interface Pictures {
  readonly images: readonly Pixels[];
  readonly strips: readonly Pixels[][];
  readonly labels: readonly number[];
  readonly seed: number;
}

/** Sheets are looked at: images below this many pixels are shown enlarged, by a whole factor. */
const VISIBLE = 96;

function forPeople(image: Pixels): Pixels {
  const factor = Math.max(1, Math.floor(VISIBLE / image.height));
  return factor === 1 ? image : enlarge(image, image.height * factor, image.width * factor);
}

/** Writes every file under a temporary name first, so that an interrupted run leaves nothing half-written. */
async function writeImages(out: string, { images, strips, labels, seed }: Pictures): Promise<string[]> {
  const files: [name: string, pixels: Pixels][] = images.map((pixels, i) => {
    const label = labels[i] === -1 ? 'none' : String(labels[i]);
    return [`label-${label}-seed-${seed + i}.png`, pixels];
  });
  files.push(['grid.png', tile(images.map(forPeople), { columns: Math.ceil(Math.sqrt(images.length)) })]);
  if (strips.length > 0) {
    const { height, width } = images[0]!;
    const frames = strips.flat().map((preview) => forPeople(enlarge(preview, height, width)));
    files.push(['steps.png', tile(frames, { columns: strips[0]!.length })]);
  }
  await mkdir(out, { recursive: true });
  const written: string[] = [];
  for (const [name, pixels] of files) {
    const part = join(out, `.${name}.part`);
    try {
      await writeFile(part, await encodePng(pixels));
      await rename(part, join(out, name));
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    written.push(join(out, name));
  }
  return written;
}

interface Report {
  readonly files: readonly string[];
  readonly timings: Timings;
  readonly json: boolean;
  readonly out: string;
  readonly model: string;
  readonly target: string;
}

function report(terminal: Terminal, { files, timings, json, out, model, target }: Report): void {
  const images = files.filter((file) => /label-[^/\\]*\.png$/.test(file)).length;
  if (json) {
    terminal.out(JSON.stringify({ model, target, images, files, timings_ms: timings }));
    return;
  }
  const seconds = (timings.total / 1000).toFixed(1);
  terminal.out(
    `${images} image${images === 1 ? '' : 's'} of ${model} in ${seconds} s on ${target}: ${join(out, 'grid.png')}`,
  );
}
