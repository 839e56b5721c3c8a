import { thenDispose, type Held, type Pixels } from '@tessera/core';
import { createEngine } from '@tessera/targets';
import { openModel, type Edit, type GenerateRequest, type Model } from '@tessera/models';
import type { Arguments } from './command.ts';
import { readEngineOptions } from './engine-options.ts';
import type { ImageWishes } from './image-options.ts';
import { SampleFiles, type Sample } from './sample-files.ts';
import { Stopwatch } from './stopwatch.ts';
import type { Terminal } from './terminal.ts';

export interface ImageRun extends ImageWishes {
  readonly values: Arguments['values'];
  /** A picture to edit, made when the size of the model's images is known; the sheet begins with `shown`. */
  readonly edit?: (image: Model['image']) => Promise<{ readonly edit: Edit; readonly shown: readonly Pixels[] }>;
}

/** How long a step may go on after an interrupt: a part that waits for something may never end it. */
const GRACE_MS = 2000;

/** Makes all images of a run, writes their files, and says so. Returns the exit code. */
export async function makeImages(run: ImageRun, terminal: Terminal): Promise<number> {
  const { folder, plugins, out, values } = run;
  const files = new SampleFiles(out);
  const abort = new AbortController();
  const stop = () => {
    const words = interrupted(files.written.length, out);
    abort.abort(new DOMException(words, 'AbortError'));
    setTimeout(() => {
      terminal.err(words);
      process.exit(130);
    }, GRACE_MS).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const stopwatch = new Stopwatch();
  const engine = createEngine(readEngineOptions(values));
  const held: Held[] = [engine];
  const make = async (): Promise<number> => {
    const model = await openModel(folder, { engine, plugins, watchLeaks: true, report: (line) => terminal.err(line) });
    held.unshift(model);
    stopwatch.loaded();
    const prepared = await run.edit?.(model.image);
    const request = { ...run.request, signal: abort.signal, ...(prepared && { edit: prepared.edit }) };
    for await (const sample of batches(model, request, { batch: run.batch, stopwatch, terminal })) {
      await files.add(sample);
    }
    await files.finish(prepared?.shown ?? []);
    const facts = { model: model.name, target: engine.target, images: request.labels.length, files: files.written };
    const timings = stopwatch.timings();
    terminal.done();
    if (values['json'] === true) terminal.out(JSON.stringify({ ...facts, timings_ms: timings }));
    else terminal.out(summary(facts, timings.total));
    return 0;
  };
  return thenDispose(() => held, make).finally(() => terminal.done());
}

function interrupted(images: number, out: string): string {
  if (images === 0) return 'Interrupted: no image is finished.';
  return `Interrupted: ${images} ${images === 1 ? 'image is' : 'images are'} in ${out}.`;
}

interface Batching {
  readonly batch: number;
  readonly stopwatch: Stopwatch;
  readonly terminal: Terminal;
}

async function* batches(model: Model, request: GenerateRequest, { batch, stopwatch, terminal }: Batching) {
  const count = request.labels.length;
  const progress = terminal.progress(model.name, count);
  for (let first = 0; first < count; first += batch) {
    const labels = request.labels.slice(first, first + batch);
    const show = (within: number, what: string) => progress.update(first + within * labels.length, what);
    yield* await makeBatch(model, { ...request, labels, seed: request.seed + first }, { stopwatch, show });
  }
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
      show((index + 1) / (of + 1), `images, step ${index + 1} of ${of}`);
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
