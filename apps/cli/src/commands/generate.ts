import type { Pixels } from '@tessera/core';
import { createEngine } from '@tessera/engine';
import {
  findModel,
  openModel,
  optionsSchema,
  outlineModel,
  readRequest,
  type GenerateRequest,
  type Model,
} from '@tessera/models';
import { readChoices } from '../choices.ts';
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
    set: {
      type: 'string',
      value: 'NAME=VALUE',
      help: 'an option of the model, repeatable; tessera models NAME lists them',
      repeats: true,
    },
    'steps-strip': { type: 'boolean', help: 'also write steps.png: how every image looked after each step' },
    batch: { type: 'string', value: 'B', help: 'images computed together (default 8; never changes an image)' },
    json: { type: 'boolean', help: 'print files and timings per step as one JSON object' },
    ...engineOptions,
  },
  examples: [
    'tessera generate --model digits-var --label 7 --count 16 --seed 1 --out digits',
    'tessera generate --model digits-var --label 0,1,2,3 --count 4 --out digits --steps-strip',
    'tessera generate --model ./my-model --label cat --guidance 1.5 --set topK=900 --set topP=0.96 --out cats --json',
  ],
  positionals: [0, 0],
  run,
};

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const { values } = args;
  const out = required('generate', '--out DIR', values['out']);
  const { folder } = findModel(required('generate', '--model NAME', values['model']));
  const batch = integer('--batch', values['batch'] ?? '8', 1, 256);
  const request = await readWishes(args, folder);
  const count = request.labels.length;
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
    stopwatch.loaded();
    for (let first = 0; first < count; first += batch) {
      const labels = request.labels.slice(first, first + batch);
      const part = { ...request, labels, seed: request.seed + first, signal: abort.signal };
      const show = (within: number, what: string) => terminal.progress((first + within * labels.length) / count, what);
      for (const sample of await makeBatch(model, part, { stopwatch, show })) await files.add(sample);
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

/** All images as one request, checked before any weights are read; the model's defaults stand for what is left out. */
async function readWishes({ values, lists }: Arguments, folder: string): Promise<GenerateRequest> {
  const count = integer('--count', values['count'] ?? '1', 1, 10_000);
  const seed = integer('--seed', values['seed'] ?? '0', 0, Number.MAX_SAFE_INTEGER - count);
  const outline = await outlineModel(folder);
  const request: GenerateRequest = {
    labels: readLabels(values['label'], count, outline.manifest),
    seed,
    ...(values['guidance'] === undefined ? {} : { guidance: number('--guidance', values['guidance']) }),
    options: readChoices(lists['set'] ?? [], optionsSchema(outline)),
    preview: values['steps-strip'] === true ? 'decoded' : 'none',
  };
  readRequest(outline, request);
  return request;
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
      stopwatch.step(index, positions_Bl.length);
      show((index + 1) / (of + 1), `${model.name}: step ${index + 1} of ${of}`);
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
