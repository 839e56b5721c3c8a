import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pixels } from '@tessera/core';
import { encodePng, enlarge, tile } from '@tessera/pictures';

/** On a grid, images below this many pixels are enlarged by a whole factor. */
const VISIBLE = 96;
/** A grid shows so many images at most, and memory holds no more. */
const SHEET = 100;

/** One finished image, and its steps where a strip was asked for. */
export interface Sample {
  readonly label: number;
  readonly seed: number;
  readonly pixels: Pixels;
  readonly strip: readonly Pixels[];
}

/** The PNG files of one run. Each appears whole or not at all, as soon as its image is done. */
export class SampleFiles {
  readonly written: string[] = [];
  readonly #out: string;
  readonly #shown: Sample[] = [];

  constructor(out: string) {
    this.#out = out;
  }

  async add(sample: Sample): Promise<void> {
    if (this.#shown.length < SHEET) this.#shown.push(sample);
    const label = sample.label === -1 ? 'none' : String(sample.label);
    await this.#write(`label-${label}-seed-${sample.seed}.png`, sample.pixels);
  }

  /** Writes `grid.png`, which begins with `before`, and, with strips, `steps.png` of the first images. */
  async finish(before: readonly Pixels[] = []): Promise<void> {
    const images = [...before, ...this.#shown.map(({ pixels }) => pixels)].map(forPeople);
    await this.#write('grid.png', tile(images, { columns: Math.ceil(Math.sqrt(images.length)) }));
    const frames = this.#shown.flatMap(({ strip, pixels: { height, width } }) =>
      strip.map((preview) => forPeople(enlarge(preview, height, width))),
    );
    if (frames.length === 0) return;
    await this.#write('steps.png', tile(frames, { columns: this.#shown[0]!.strip.length }));
  }

  async #write(name: string, pixels: Pixels): Promise<void> {
    const path = join(this.#out, name);
    const part = join(this.#out, `.${name}.part`);
    await mkdir(this.#out, { recursive: true });
    try {
      await writeFile(part, await encodePng(pixels));
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    this.written.push(path);
  }
}

function forPeople(image: Pixels): Pixels {
  const factor = Math.max(1, Math.floor(VISIBLE / image.height));
  return factor === 1 ? image : enlarge(image, image.height * factor, image.width * factor);
}
