import { thenDispose, type Held, type Pixels } from '@tessera/core';
import type { Precision } from '@tessera/engine';
import { openModel, type Edit, type Model, type ModelRun } from '@tessera/models';
import { batchOf, type Checked, type GenerationRequest } from '@tessera/request';
import { createEngine, type EngineOptions } from '@tessera/targets';
import type { ImageRun } from './image-options.ts';
import { SampleFiles, type Sample } from './sample-files.ts';
import type { Terminal } from './terminal.ts';

export interface ImageOutput extends ImageRun {
  readonly out: string;
  /** Images computed together. */
  readonly batch: number;
  /** Also writes how every image looked after each step. */
  readonly strip: boolean;
  /** Also writes an animation of the steps of all images. */
  readonly animation: boolean;
  readonly json: boolean;
  readonly engine: EngineOptions;
  /** A picture to edit, made when the size of the model's images is known; the grid begins with `shown`. */
  readonly edit?: (image: Model['image']) => Promise<{ readonly edit: Edit; readonly shown: readonly Pixels[] }>;
}

/** How long a step may go on after an interrupt: a part that waits for a device may never return. */
const GRACE_MS = 2000;

/** Generates all images of a run, writes their files, and prints a line about them. Returns the exit code. */
export async function makeImages(run: ImageOutput, terminal: Terminal): Promise<number> {
  const { folder, plugins, out, strip, animation, json } = run;
  const files = new SampleFiles(out);
  const signal = stopAtInterrupt(() => interrupted(files.written.length, out), terminal);
  const stopwatch = new Stopwatch();
  const engine = createEngine(run.engine);
  const held: Held[] = [engine];
  const make = async (): Promise<number> => {
    const model = await openModel(folder, { engine, plugins, watchLeaks: true, report: (line) => terminal.err(line) });
    held.unshift(model);
    stopwatch.loaded();
    const prepared = await run.edit?.(model.at(run.request.size).image);
    const preview = strip || animation ? 'decoded' : 'none';
    const request = { ...run.request, preview } as const;
    const options = { signal, ...(prepared && { edit: prepared.edit }) };
    for await (const sample of batches(model, request, { batch: run.batch, options, stopwatch, terminal })) {
      await files.add(sample);
    }
    await files.finish({ before: prepared?.shown ?? [], strip, animation });
    const facts = {
      model: model.name,
      target: engine.target,
      precision: model.precision,
      images: request.images.length,
      files: files.written,
    };
    const timings = stopwatch.timings();
    terminal.done();
    terminal.out(json ? JSON.stringify({ ...facts, timings_ms: timings }) : summary(facts, timings.total));
    return 0;
  };
  return thenDispose(() => held, make).finally(() => terminal.done());
}

/** Aborts at Ctrl-C with a sentence, and ends the process where the work does not stop soon after. */
function stopAtInterrupt(sentence: () => string, terminal: Terminal): AbortSignal {
  const abort = new AbortController();
  const stop = () => {
    const words = sentence();
    abort.abort(new DOMException(words, 'AbortError'));
    setTimeout(() => {
      terminal.err(words);
      process.exit(130);
    }, GRACE_MS).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  return abort.signal;
}

function interrupted(images: number, out: string): string {
  if (images === 0) return 'Interrupted: no image is finished.';
  return `Interrupted: ${images} ${images === 1 ? 'image is' : 'images are'} in ${out}.`;
}

interface Batching {
  readonly batch: number;
  readonly options: ModelRun;
  readonly stopwatch: Stopwatch;
  readonly terminal: Terminal;
}

async function* batches(model: Model, request: Checked<GenerationRequest>, batching: Batching) {
  const { batch, options, stopwatch, terminal } = batching;
  const count = request.images.length;
  const progress = terminal.progress(model.name, count);
  for (let first = 0; first < count; first += batch) {
    const part = batchOf(request, first, batch);
    const show = (within: number, what: string) => progress.update(first + within * part.images.length, what);
    yield* await makeBatch(model, part, { options, stopwatch, show });
  }
}

interface Watchers {
  readonly options: ModelRun;
  readonly stopwatch: Stopwatch;
  readonly show: (within: number, what: string) => void;
}

async function makeBatch(model: Model, request: Checked<GenerationRequest>, watchers: Watchers): Promise<Sample[]> {
  const { options, stopwatch, show } = watchers;
  const strips: Pixels[][] = request.images.map(() => []);
  const samples: Sample[] = [];
  stopwatch.begin();
  for await (const event of model.run(request, options)) {
    if (event.type === 'step') {
      const { index, of, positions_Bl } = event.step;
      stopwatch.step(index, positions_Bl.length);
      show((index + 1) / (of + 1), `images, step ${index + 1} of ${of}`);
      event.previews?.forEach((preview, row) => strips[row]!.push(preview));
    } else {
      stopwatch.decoded();
      const { row, pixels } = event;
      samples.push({
        condition: request.images[row]!.condition,
        seed: request.seed + row,
        pixels,
        strip: strips[row]!,
      });
    }
  }
  return samples;
}

interface Facts {
  readonly model: string;
  readonly target: string;
  readonly precision: Precision;
  readonly images: number;
  readonly files: readonly string[];
}

function summary({ model, target, precision, images, files }: Facts, milliseconds: number): string {
  const seconds = (milliseconds / 1000).toFixed(1);
  const grid = files.find((file) => file.endsWith('grid.png'));
  return `${images} image${images === 1 ? '' : 's'} of ${model} in ${seconds} s on ${target}${precision === 'float32' ? '' : ` in ${precision}`}: ${grid}`;
}

/** Where the time of a run went, in milliseconds. Steps are summed over batches. */
interface Timings {
  readonly load: number;
  readonly steps: readonly { readonly index: number; readonly tokens: number; readonly ms: number }[];
  readonly decode: number;
  readonly total: number;
}

/** Splits the time of a generation into loading, steps and decoding. */
class Stopwatch {
  readonly #started = performance.now();
  readonly #steps: { index: number; tokens: number; ms: number }[] = [];
  #last = this.#started;
  #load = 0;
  #decode = 0;

  loaded(): void {
    this.#load = this.#lap();
  }

  /** Starts a batch: the time since the last one is not counted. */
  begin(): void {
    this.#lap();
  }

  step(index: number, tokens: number): void {
    const step = (this.#steps[index] ??= { index, tokens: 0, ms: 0 });
    step.tokens += tokens;
    step.ms += this.#lap();
  }

  decoded(): void {
    this.#decode += this.#lap();
  }

  timings(): Timings {
    return {
      load: rounded(this.#load),
      steps: this.#steps.map((step) => ({ ...step, ms: rounded(step.ms) })),
      decode: rounded(this.#decode),
      total: rounded(performance.now() - this.#started),
    };
  }

  #lap(): number {
    const now = performance.now();
    const lap = now - this.#last;
    this.#last = now;
    return lap;
  }
}

const rounded = (milliseconds: number) => Math.round(milliseconds * 10) / 10;
