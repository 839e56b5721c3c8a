import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { canvasEmpty, checkKept, checkTokens, pixelsOf, readsUnserved } from '@tessera/autoencoder';
import type { Canvas, Context, Kept, Layout, Pixels, PreviewKind, Reads, Step, Tokens } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { checkStep } from './check-step.ts';
import type { KlPrograms } from './programs.ts';

export interface CanvasParts {
  readonly programs: KlPrograms;
  readonly layout: Layout;
  readonly channels: number;
}

const WHO = 'tokenizer-continuous canvas';

/** The canvas of generation in any order: all tokens, and which of them are known. */
export class KlCanvas implements Canvas {
  readonly #parts: CanvasParts;
  readonly #batch: number;
  /** Zeros where unknown. */
  readonly #values_BLC: Float32Array;
  /** 1 where known. */
  readonly #known_BL: Float32Array;
  #kept: Kept | null;

  /** An empty canvas for `batch` rows. `kept` is borrowed until the canvas is disposed; its tokens are known at once. */
  constructor(parts: CanvasParts, batch: number, kept: Kept | null) {
    const { layout, channels } = parts;
    if (kept !== null) checkKept(kept, [batch, layout.length, channels], WHO);
    this.#parts = parts;
    this.#batch = batch;
    this.#values_BLC = new Float32Array(batch * layout.length * channels);
    this.#known_BL = new Float32Array(batch * layout.length);
    this.#kept = kept;
  }

  async read(step: Step, reads: Reads): Promise<Context> {
    if (reads !== 'known') throw readsUnserved(reads, 'known', WHO);
    await this.#placeKept();
    this.#check(step);
    return { reads, values_BLC: this.#values(), known_BL: this.#known() };
  }

  async write(step: Step, { values_BlC }: Tokens): Promise<void> {
    const { layout, channels } = this.#parts;
    const { positions_Bl } = step;
    await this.#placeKept();
    this.#check(step);
    checkTokens(values_BlC, [this.#batch, positions_Bl.length / this.#batch, channels], WHO);
    const values = await values_BlC.data<'float32'>();
    const count = positions_Bl.length / this.#batch;
    for (const [i, position] of positions_Bl.entries()) {
      const at = Math.floor(i / count) * layout.length + position;
      if (!this.#isKept(position)) this.#place(at, values.subarray(i * channels, (i + 1) * channels));
    }
  }

  async preview(kind: PreviewKind): Promise<readonly Pixels[] | null> {
    if (kind === 'none') return null;
    if (kind === 'linear') return this.#linear();
    const pictures: Pixels[] = [];
    // One by one: the decoder's memory grows with the batch, and a row then shows the same bytes as when it is rendered.
    for (let row = 0; row < this.#batch; row++) pictures.push(await this.render(row));
    return pictures;
  }

  async render(row: number): Promise<Pixels> {
    const { layout, channels, programs } = this.#parts;
    await this.#placeKept();
    this.#checkFilled();
    const size = layout.length * channels;
    const values = this.#values_BLC.slice(row * size, (row + 1) * size);
    const tokens_1LC = tensorFrom(values, [1, layout.length, channels]) as Tensor3D;
    try {
      const [pixels] = await pixelsOf(await programs.decode()(tokens_1LC));
      return pixels!;
    } finally {
      tokens_1LC.dispose();
    }
  }

  /** Lets go of the kept tokens; the rest are plain numbers. */
  dispose(): void {
    this.#kept = null;
  }

  async #linear(): Promise<readonly Pixels[]> {
    const program = this.#parts.programs.preview();
    await this.#placeKept();
    this.#checkFilled();
    const [values_BLC, known_BL] = [this.#values(), this.#known()];
    try {
      return await pixelsOf(await program(values_BLC, known_BL));
    } finally {
      values_BLC.dispose();
      known_BL.dispose();
    }
  }

  #values(): Tensor3D {
    const { layout, channels } = this.#parts;
    return tensorFrom(this.#values_BLC.slice(), [this.#batch, layout.length, channels]) as Tensor3D;
  }

  #known(): Tensor2D {
    return tensorFrom(this.#known_BL.slice(), [this.#batch, this.#parts.layout.length]) as Tensor2D;
  }

  #isKept(position: number): boolean {
    return this.#kept?.keep_L[position] === 1;
  }

  #place(at: number, token: Float32Array): void {
    this.#values_BLC.set(token, at * token.length);
    this.#known_BL[at] = 1;
  }

  #check(step: Step): void {
    const { length } = this.#parts.layout;
    const free = (at: number): boolean => this.#known_BL[at] === 0 || this.#isKept(at % length);
    checkStep(step, { batch: this.#batch, length, free, who: WHO });
  }

  #checkFilled(): void {
    if (!this.#known_BL.includes(1)) throw canvasEmpty('one token written at least', WHO);
  }

  /** Kept tokens are known before the first step. */
  async #placeKept(): Promise<void> {
    if (this.#kept === null) return;
    const { values_BLC, keep_L } = this.#kept;
    const { channels, layout } = this.#parts;
    const first = keep_L.indexOf(1);
    if (first === -1 || this.#known_BL[first] === 1) return;
    const values = await values_BLC.data<'float32'>();
    for (let at = 0; at < this.#known_BL.length; at++) {
      if (keep_L[at % layout.length] === 1) this.#place(at, values.subarray(at * channels, (at + 1) * channels));
    }
  }
}
