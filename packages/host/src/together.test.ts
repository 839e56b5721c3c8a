import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openModel, type Model } from '@tessera/models';
import { encodePng } from '@tessera/pictures';
import { imagesOfClasses, type GenerationRequest } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Batch } from './batch.ts';
import type { HostEvent, JobEvent } from './protocol.ts';
import { writeRandomModel } from './testing/write-random-model.ts';
import { encodeWritten } from './written-bytes.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-together-'));
const engine = createEngine({ target: 'onnx' });
const shipped = (name: string) => fileURLToPath(new URL(`../../../models/${name}`, import.meta.url));
const fewSteps = { steps: 5, respacing: 'ddim5' };

beforeAll(async () => {
  for (const step of ['surest', 'token'] as const) {
    await writeRandomModel(join(root, step), { name: step, width: 32, depth: 2, channels: 1, step });
  }
});
afterAll(() => {
  engine.dispose();
  rmSync(root, { recursive: true });
});

/** Numbers in [0, 1) from a seed. */
function randomOf(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

interface Made {
  readonly tokens: readonly Buffer[];
  readonly images: readonly Buffer[];
}

/** What a request makes by the model alone. */
async function madeAlone(model: Model, request: GenerationRequest): Promise<Made> {
  const [tokens, images]: [Buffer[], Buffer[]] = [[], []];
  for await (const event of model.generate(request)) {
    if (event.type === 'image') images.push(await encodePng(event.pixels));
    else {
      const step = { written: event.written, images: request.images.length, of: event.step.of };
      tokens.push(Buffer.from(encodeWritten(step)));
    }
  }
  return { tokens, images };
}

/** Generations that come and go at random steps of a batch, which is stopped now and then and goes on in another. */
class Scene {
  readonly told = new Map<number, HostEvent[]>();
  readonly left = new Set<number>();
  readonly #random: () => number;
  readonly #model: Model;
  readonly #requests: readonly GenerationRequest[];
  #batch: Batch;
  #added = 0;
  /** How many images ran together in some step at most. */
  together = 0;

  constructor(model: Model, requests: readonly GenerationRequest[], seed: number) {
    this.#model = model;
    this.#requests = requests;
    this.#random = randomOf(seed);
    this.#batch = this.#open();
  }

  async play(): Promise<void> {
    this.#add(1 + Math.floor(2 * this.#random()));
    while (this.#unfinished().length > 0 || this.#added < this.#requests.length) {
      if (this.#unfinished().length === 0) this.#add(1);
      await this.#batch.run();
      this.#batch = this.#open();
      for (const key of this.#unfinished()) this.#give(key);
    }
  }

  stepsOf(key: number) {
    return this.told.get(key)!.filter((event) => event.type === 'step');
  }

  #open(): Batch {
    const tell = async (events: Promise<readonly JobEvent[]>) => {
      const all = await events;
      for (const { key, event } of all) this.told.get(key)!.push(event);
      const drawn = all.filter(({ event }) => event.type === 'step');
      const images = drawn.reduce((sum, { key }) => sum + this.#requests[key]!.images.length, 0);
      this.together = Math.max(this.together, images);
      if (drawn.length > 0) this.#interfere();
    };
    return new Batch({ model: this.#model, batchBytes: 100 * this.#model.imageBytes, tell });
  }

  /** At a step boundary. */
  #interfere(): void {
    if (this.#random() < 0.5) this.#add(1);
    const running = this.#unfinished();
    if (this.#random() < 0.1 && running.length > 1) {
      const key = running[Math.floor(this.#random() * running.length)]!;
      if (this.#batch.leave(key)) this.left.add(key);
    }
    if (this.#random() < 0.1) this.#batch.stop();
  }

  #add(count: number): void {
    for (const end = this.#added + count; this.#added < Math.min(end, this.#requests.length); this.#added++) {
      this.told.set(this.#added, []);
      this.#give(this.#added);
    }
  }

  #give(key: number): void {
    const written = this.stepsOf(key).map(({ tokens }) => tokens);
    this.#batch.add([{ key, request: this.#model.check(this.#requests[key]!), written, files: {} }]);
  }

  #unfinished(): number[] {
    const ended = (events: HostEvent[]) => ['completed', 'canceled', 'failed'].includes(events.at(-1)?.type ?? '');
    return [...this.told].flatMap(([key, events]) => (ended(events) || this.left.has(key) ? [] : [key]));
  }
}

const models: readonly (readonly [string, string, Partial<GenerationRequest>])[] = [
  ['digits-var', shipped('digits-var'), { guidance: 1.5, preview: 'linear' }],
  ['digits-var, smoothed', shipped('digits-var'), { guidance: 0, options: { smooth: true } }],
  ['digits-mar', shipped('digits-mar'), { options: fewSteps, guidance: 2, preview: 'linear' }],
  ['digits-var-diffusion', shipped('digits-var-diffusion'), { options: { respacing: 'ddim5' }, preview: 'none' }],
  ['digits-mar-categorical', shipped('digits-mar-categorical'), { options: { steps: 8 }, preview: 'linear' }],
  ['tokens by confidence', join(root, 'surest'), {}],
  ['tokens one by one', join(root, 'token'), {}],
];

describe.each(models)('%s', (name, folder, shared) => {
  let model: Model;
  beforeAll(async () => {
    model = await openModel(folder, { engine });
  });
  afterAll(() => model.dispose());

  it('makes the same bytes, when others join, leave and go on later', async () => {
    const requests = [1, 2, 1, 3, 1].map((count, i) => {
      const labels = Array.from({ length: count }, (_, image) => ((3 * i + image) % 11) - 1);
      return { model: model.name, images: imagesOfClasses(labels), seed: 100 * i, ...shared };
    });
    const alone = await Promise.all(requests.map((request) => madeAlone(model, request)));
    let together = 0;
    for (let seed = 0; seed < 4; seed++) {
      const scene = new Scene(model, requests, seed);
      await scene.play();
      together = Math.max(together, scene.together);
      for (const [key, { tokens, images }] of alone.entries()) {
        const what = `${name}, scene ${seed}, generation ${key}`;
        const steps = scene.stepsOf(key);
        const last = scene.left.has(key) ? 'canceled' : 'completed';
        expect(scene.told.get(key)!.at(-1)!.type, what).toBe(last);
        expect(
          steps.map(({ index }) => index),
          what,
        ).toEqual([...steps.keys()]);
        for (const [i, step] of steps.entries())
          expect(tokens[i]!.equals(step.tokens), `${what}, step ${i}`).toBe(true);
        if (last === 'canceled') continue;
        const made = scene.told.get(key)!.flatMap((event) => (event.type === 'image' ? [event.png] : []));
        expect(steps.length, what).toBe(tokens.length);
        expect(
          made.map((png, i) => images[i]!.equals(png)),
          what,
        ).toEqual(images.map(() => true));
      }
    }
    expect(together).toBeGreaterThan(2);
  });
});
