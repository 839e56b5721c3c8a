import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Condition, Pixels } from '@tessera/core';
import { encodeAnimation, encodePng, enlarge, tile } from '@tessera/pictures';

/** On a grid, images below this many pixels are enlarged by a whole factor. */
const VISIBLE = 96;
/** A grid shows so many images at most, and memory holds no more. */
const SHEET = 100;

/** One finished image, and its steps where a strip was asked for. */
export interface Sample {
  readonly condition: Condition;
  readonly seed: number;
  readonly pixels: Pixels;
  readonly strip: readonly Pixels[];
}

interface Sheets {
  /** Pictures that the grid begins with. */
  readonly before: readonly Pixels[];
  /** Whether to write `steps.png`, and the animation `steps.webp`. */
  readonly strip: boolean;
  readonly animation: boolean;
}

/** The files of one run. Each appears whole or not at all, as soon as its image is done. */
export class SampleFiles {
  readonly written: string[] = [];
  readonly #out: string;
  readonly #shown: Sample[] = [];

  constructor(out: string) {
    this.#out = out;
  }

  async add(sample: Sample): Promise<void> {
    if (this.#shown.length < SHEET) this.#shown.push(sample);
    await this.#write(`${nameOf(sample.condition)}seed-${sample.seed}.png`, sample.pixels);
  }

  /** Writes `grid.png`, and what was asked for of the steps of the first images. */
  async finish({ before, strip, animation }: Sheets): Promise<void> {
    const finished = this.#shown.map(({ pixels }) => forPeople(pixels));
    await this.#write('grid.png', square([...before.map(forPeople), ...finished]));
    const steps = this.#shown.map((sample) =>
      sample.strip.map((preview) => forPeople(enlarge(preview, sample.pixels.height, sample.pixels.width))),
    );
    if (strip) await this.#write('steps.png', tile(steps.flat(), { columns: steps[0]!.length }));
    if (animation) await this.#writeFile('steps.webp', await encodeAnimation(framesOf(steps, finished)));
  }

  async #write(name: string, pixels: Pixels): Promise<void> {
    await this.#writeFile(name, await encodePng(pixels));
  }

  async #writeFile(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#out, name);
    const part = join(this.#out, `.${name}.part`);
    await mkdir(this.#out, { recursive: true });
    try {
      await writeFile(part, bytes);
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    this.written.push(path);
  }
}

/** How long the steps of an animation take together, and how long the finished images are shown. */
const STEPS_MS = 2500;
const FINISHED_MS = 2000;

/** A frame for each step of all images, then one of the finished images. */
function framesOf(steps: readonly (readonly Pixels[])[], finished: readonly Pixels[]) {
  const milliseconds = Math.round(STEPS_MS / steps[0]!.length);
  const frames = steps[0]!.map((_, step) => ({ pixels: square(steps.map((strip) => strip[step]!)), milliseconds }));
  return [...frames, { pixels: square(finished), milliseconds: FINISHED_MS }];
}

function square(images: readonly Pixels[]): Pixels {
  return tile(images, { columns: Math.ceil(Math.sqrt(images.length)) });
}

function forPeople(image: Pixels): Pixels {
  const factor = Math.max(1, Math.floor(VISIBLE / image.height));
  return factor === 1 ? image : enlarge(image, image.height * factor, image.width * factor);
}

/** What a file's name says of the condition. Inputs are too long for it; the seed tells their images apart. */
function nameOf(condition: Condition): string {
  if (condition.kind === 'input') return '';
  return `label-${condition.kind === 'none' ? 'none' : condition.label}-`;
}
