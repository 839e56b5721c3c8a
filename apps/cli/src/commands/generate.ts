import type { Pixels } from '@tessera/core';
import { createEngine } from '@tessera/engine';
import { findModel, openModel, type GenerateRequest, type Model } from '@tessera/models';
import type { Arguments, Command } from '../command.ts';
import { engineOptions, readEngineOptions } from '../engine-options.ts';
import { readLabels } from '../labels.ts';
import { integer, number, required } from '../numbers.ts';
import { requireWritable } from '../output-folder.ts';
import { SampleFiles, type Sample } from '../sample-files.ts';
import type { Terminal } from '../terminal.ts';
import { Stopwatch } from '../stopwatch.ts';

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
    guidance: {
      type: 'string',
      value: 'G',
      help: 'strength of guidance in the model’s own scale (default: the model’s own)',
    },
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
  const choices = readChoices(values);
  await requireWritable(out);

  const files = new SampleFiles(out);
  const abort = new AbortController();
  const stop = () =>
    abort.abort(new DOMException(`Interrupted: ${files.written.length} images are in ${out}.`, 'AbortError'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const stopwatch = new Stopwatch();
  const engine = createEngine(readEngineOptions(values));
  let model: Model | null = null;
  try {
    model = await openModel(folder, { engine });
    const labels = readLabels(values['label'], count, model);
    stopwatch.loaded();
    for (let first = 0; first < count; first += batch) {
      const request = {
        ...choices,
        labels: labels.slice(first, first + batch),
        seed: seed + first,
        signal: abort.signal,
      };
      const show = (within: number, what: string) =>
        terminal.progress((first + within * request.labels.length) / count, what);
      for (const sample of await makeBatch(model, request, { stopwatch, show })) await files.add(sample);
    }
    await files.finish();
    const facts = { model: model.name, target: engine.target, images: count, files: files.written };
    const timings = stopwatch.timings();
    terminal.done();
    if (values['json'] === true) terminal.out(JSON.stringify({ ...facts, timings_ms: timings }));
    else terminal.out(summary(facts, timings.total));
    return 0;
  } finally {
    terminal.done();
    model?.dispose();
    engine.dispose();
  }
}

/** What was chosen on the command line; the model's defaults stand for the rest. */
function readChoices(values: Arguments['values']): Pick<GenerateRequest, 'guidance' | 'options' | 'preview'> {
  return {
    ...(values['guidance'] === undefined ? {} : { guidance: number('--guidance', values['guidance']) }),
    options: {
      ...(values['top-k'] === undefined ? {} : { topK: number('--top-k', values['top-k']) }),
      ...(values['top-p'] === undefined ? {} : { topP: number('--top-p', values['top-p']) }),
      ...(values['smooth'] === true ? { smooth: true } : {}),
    },
    preview: values['steps-strip'] === true ? 'decoded' : 'none',
  };
}

interface Observers {
  readonly stopwatch: Stopwatch;
  readonly show: (within: number, what: string) => void;
}

async function makeBatch(model: Model, request: GenerateRequest, { stopwatch, show }: Observers): Promise<Sample[]> {
  const strips: Pixels[][] = request.labels.map(() => []);
  const samples: Sample[] = [];
  stopwatch.begin();
  for await (const event of model.generate(request)) {
    if (event.type === 'step') {
      const { index, of, positions_Bl } = event.step;
      stopwatch.scale(index, positions_Bl.length);
      show((index + 1) / (of + 1), `${model.name}: scale ${index + 1} of ${of}`);
      event.previews?.forEach((preview, row) => strips[row]!.push(preview));
    } else {
      stopwatch.decoded();
      const { row, pixels } = event;
      samples.push({ label: request.labels[row]!, seed: request.seed + row, pixels, strip: strips[row]! });
    }
  }
  return samples;
}

interface Facts {
  readonly model: string;
  readonly target: string;
  readonly images: number;
  readonly files: readonly string[];
}

function summary({ model, target, images, files }: Facts, milliseconds: number): string {
  const seconds = (milliseconds / 1000).toFixed(1);
  const grid = files.find((file) => file.endsWith('grid.png'));
  return `${images} image${images === 1 ? '' : 's'} of ${model} in ${seconds} s on ${target}: ${grid}`;
}
