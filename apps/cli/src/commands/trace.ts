import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { optional, wrongValue, type Arguments } from '@tessera/command-line';
import { thenDispose, type Held } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { openModel, type Edit, type Model } from '@tessera/models';
import type { Progress } from '@tessera/progress';
import { type GenerationRequest } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import { imageTensor, TraceRecorder, writeTrace, type TraceFacts, type TraceTensor } from '@tessera/trace';
import type { Command } from '../command.ts';
import { readEngineOptions } from '../common-options.ts';
import { editOptions, readEdit } from '../edit-options.ts';
import { imageOptions, readImageRun, type ImageRun } from '../image-options.ts';
import { SampleFiles } from '../sample-files.ts';
import type { Terminal } from '../terminal.ts';

/** Images of one trace at most: they are computed together, and their tensors are kept in memory. */
const MOST_IMAGES = 16;

const options = {
  ...imageOptions('each in turn; none with --image'),
  ...editOptions,
  image: optional(editOptions.image),
};

type TraceValues = Arguments<typeof options>['values'];

export const trace: Command<typeof options> = {
  options,
  examples: [
    'tessera trace --model digits-var --label 3 --seed 1 --out traces/onnx',
    'tessera trace --model digits-var --label 3 --seed 1 --target eager --out traces/eager',
    'tessera trace diff traces/onnx traces/eager',
    'tessera trace --model digits-mar --image digits/label-7-seed-1.png --box 0,0.5,1,1 --label 3 --out traces/edit',
  ],
  run: runTrace,
};

async function runTrace({ values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const { image, out, json } = values;
  const otherwise = image === undefined ? 'each class in turn' : 'no class';
  const run = await readImageRun(values, { who: 'tessera trace', otherwise }, terminal);
  const images = run.request.images.length;
  if (images > MOST_IMAGES) {
    throw wrongValue(String(images), { who: 'tessera trace', option: '--count' }, `at most ${MOST_IMAGES} images`);
  }
  if (image === undefined) refuseRegion(values);
  const edit = image === undefined ? undefined : await readEdit({ ...values, image }, 'tessera trace');
  const engine = createEngine(readEngineOptions(values));
  const held: Held[] = [engine];
  const record = async (): Promise<number> => {
    const model = await openModel(run.folder, { engine, plugins: run.plugins, report: (line) => terminal.err(line) });
    held.unshift(model);
    const prepared = await edit?.(model.at(run.request.size).image);
    const recorder = new TraceRecorder();
    const pixels = await generate(model, run, { recorder, terminal, out, ...(prepared && { edit: prepared.edit }) });
    const facts = factsOf(model, run.request, { target: engine.target, edit: await editFacts(values) });
    const { steps } = recorder;
    const shown = [...recorder.images, ...pixels];
    await writeTrace(out, { facts, layout: model.at(run.request.size).layout, steps, images: shown });
    terminal.done();
    const tensors = steps.reduce((sum, step) => sum + step.tensors.length, shown.length);
    if (json) terminal.out(JSON.stringify({ out, steps: steps.length, tensors, ...facts }));
    else terminal.out(`${steps.length} steps of ${model.name} on ${engine.target}, ${tensors} tensors: ${out}`);
    return 0;
  };
  return thenDispose(() => held, record).finally(() => terminal.done());
}

/** A region without a picture would be left out silently. */
function refuseRegion({ mask, box, place, outside }: TraceValues): void {
  const [name] = Object.entries({ mask, box, place, outside }).find(([, value]) => value) ?? [];
  if (name === undefined) return;
  const got = `--${name} without --image`;
  throw new TesseraError({ code: 'option', who: 'tessera trace', got, expected: 'the picture that it is a part of' });
}

interface Recording {
  readonly recorder: TraceRecorder;
  readonly terminal: Terminal;
  readonly out: string;
  readonly edit?: Edit;
}

/** Runs the request under the recorder and writes the images as PNG too; of an edit, returns the finished pixels. */
async function generate(model: Model, { request }: ImageRun, { recorder, terminal, out, edit }: Recording) {
  const files = new SampleFiles(out);
  let progress: Progress | null = null;
  const finished: TraceTensor[] = [];
  const run = { observe: recorder.observe, ...(edit && { edit }) };
  for await (const event of model.run({ ...request, preview: 'none' }, run)) {
    if (event.type === 'step') {
      const { index, of } = event.step;
      progress ??= terminal.progress(model.name, of);
      progress.update(index + 1, 'steps');
      continue;
    }
    const { row, pixels } = event;
    if (edit) finished.push(imageTensor(row, 'pixels', pixels));
    const { condition } = request.images[row]!;
    await files.add({ condition, seed: request.seed + row, pixels, strip: [] });
  }
  return finished;
}

interface Where {
  readonly target: string;
  readonly edit: TraceFacts | null;
}

/**
 * What decides the numbers of a trace: target, digests of weights, of the parts' configs and of pictures, the model's defaults
 * and the request. Two traces that agree in this differ by code (Tessera, a plug-in, the target's library) or by the machine.
 */
function factsOf(
  { name, manifest, precision }: Model,
  request: GenerationRequest,
  { target, edit }: Where,
): TraceFacts {
  const weightsOf = (component: 'tokenizer' | 'backbone' | 'head') => shortened(manifest[component].weights?.sha256);
  const weights = { tokenizer: weightsOf('tokenizer'), backbone: weightsOf('backbone'), head: weightsOf('head') };
  const configOf = (component: 'tokenizer' | 'order' | 'backbone' | 'head') => {
    const { plugin, version, config } = manifest[component];
    return digestOf(JSON.stringify({ plugin, version, config }));
  };
  const configs = {
    ...{ tokenizer: configOf('tokenizer'), order: configOf('order') },
    ...{ backbone: configOf('backbone'), head: configOf('head') },
  };
  const { guidance, options } = manifest.defaults;
  const defaults = { guidance, options };
  const reduced = precision === 'float32' ? {} : { precision };
  return { ...(edit && { edit }), target, ...reduced, weights, configs, defaults, ...request, model: name };
}

/** A path says only where a picture lay: the digest of its file says which one it was. */
async function editFacts({ image, mask, box, place, outside }: TraceValues): Promise<TraceFacts | null> {
  if (image === undefined) return null;
  const sha256 = {
    image: digestOf(await readFile(image)),
    ...(mask !== undefined && { mask: digestOf(await readFile(mask)) }),
  };
  return { sha256, image, mask, box, place, outside };
}

function digestOf(bytes: string | Uint8Array): string | undefined {
  return shortened(createHash('sha256').update(bytes).digest('hex'));
}

/** Enough of a digest to tell two files apart. */
function shortened(digest: string | undefined): string | undefined {
  return digest?.slice(0, 16);
}
