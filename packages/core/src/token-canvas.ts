import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { canvasEmpty, checkKept, checkPositions, checkTokens, readsUnserved } from './checks.ts';
import type { Canvas, Context, Kept, Pixels, PreviewKind, Reads } from './contracts.ts';
import { scaleAt, type Layout, type Step, type Tokens } from './tokens.ts';

/** What a tokenizer adds to a grid of tokens to make a canvas of it. */
export interface TokenCanvasParts {
  /** Who reports errors. */
  readonly who: string;
  readonly layout: Layout;
  /** Numbers per token. */
  readonly channels: number;
  /** The picture of one image's tokens [1, L, C], which are borrowed; unknown ones are zero. */
  decode(values_1LC: Tensor3D): Promise<Pixels>;
  /** Cheap pictures of tokens [B, L, C], 1 where known in [B, L]; both are borrowed. */
  preview(values_BLC: Tensor3D, known_BL: Tensor2D): Promise<readonly Pixels[]>;
  /**
   * What the coarser ones say of a scale but the first, [B, n, C]; tokens [B, L, C] are borrowed. Left out: the canvas serves
   * no backbone that reads 'scale'.
   */
  estimate?(values_BLC: Tensor3D, scale: number): Promise<Tensor3D>;
}

export interface TokenCanvasRequest {
  /** Number of rows. */
  readonly batch: number;
  /** Borrowed until the canvas is disposed; its tokens are known at once. */
  readonly kept: Kept | null;
  readonly reads: Reads;
}

/**
 * The canvas of generation in any order: all tokens in their places, and which of them are known. It serves 'known', 'last'
 * and, where its parts estimate scales, 'scale'. @throws TesseraError `reads-unserved`, `shape-mismatch`
 */
export class TokenCanvas implements Canvas {
  readonly #parts: TokenCanvasParts;
  readonly #batch: number;
  readonly #reads: Exclude<Reads, 'estimate'>;
  /** Zeros where unknown. */
  readonly #values_BLC: Float32Array;
  /** 1 where known. */
  readonly #known_BL: Float32Array;
  #newest: Step | null = null;
  #kept: Kept | null;

  constructor(parts: TokenCanvasParts, { batch, kept, reads }: TokenCanvasRequest) {
    const { layout, channels, who } = parts;
    if (reads === 'estimate' || (reads === 'scale' && !parts.estimate))
      throw readsUnserved(reads, "known' or 'last", who);
    if (kept !== null) checkKept(kept, [batch, layout.length, channels], who);
    this.#parts = parts;
    this.#batch = batch;
    this.#reads = reads;
    this.#values_BLC = new Float32Array(batch * layout.length * channels);
    this.#known_BL = new Float32Array(batch * layout.length);
    this.#kept = kept;
  }

  async read(step: Step): Promise<Context> {
    await this.#placeKept();
    this.#check(step);
    if (this.#reads === 'known') return { reads: 'known', values_BLC: this.#values(), known_BL: this.#known() };
    if (this.#reads === 'scale') return this.#scaleOf(step);
    return { reads: 'last', values_BlC: this.#newest && this.#valuesAt(this.#newest) };
  }

  async write(step: Step, { values_BlC }: Tokens): Promise<void> {
    const { layout, channels, who } = this.#parts;
    const { positions_Bl } = step;
    await this.#placeKept();
    this.#check(step);
    checkTokens(values_BlC, [this.#batch, positions_Bl.length / this.#batch, channels], who);
    const values = await values_BlC.data<'float32'>();
    const count = positions_Bl.length / this.#batch;
    for (const [i, position] of positions_Bl.entries()) {
      const at = Math.floor(i / count) * layout.length + position;
      if (!this.#isKept(position)) this.#place(at, values.subarray(i * channels, (i + 1) * channels));
    }
    this.#newest = step;
  }

  async forget(positions_Ba: Int32Array): Promise<void> {
    const { layout, channels, who } = this.#parts;
    await this.#placeKept();
    const count = positions_Ba.length / this.#batch;
    for (const [i, position] of positions_Ba.entries()) {
      const at = Math.floor(i / count) * layout.length + position;
      if (this.#known_BL[at] !== 1 || this.#isKept(position)) throw notThere(position, who);
      this.#values_BLC.fill(0, at * channels, (at + 1) * channels);
      this.#known_BL[at] = 0;
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
    const { layout, channels, decode } = this.#parts;
    await this.#placeKept();
    this.#checkFilled();
    const size = layout.length * channels;
    const values = this.#values_BLC.slice(row * size, (row + 1) * size);
    const values_1LC = tensorFrom(values, [1, layout.length, channels]) as Tensor3D;
    try {
      return await decode(values_1LC);
    } finally {
      values_1LC.dispose();
    }
  }

  /** Forgets the kept tokens, which are borrowed; the rest are plain numbers. */
  dispose(): void {
    this.#kept = null;
  }

  async #linear(): Promise<readonly Pixels[]> {
    await this.#placeKept();
    this.#checkFilled();
    const [values_BLC, known_BL] = [this.#values(), this.#known()];
    try {
      return await this.#parts.preview(values_BLC, known_BL);
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

  #valuesAt({ positions_Bl }: Step): Tensor3D {
    const { layout, channels } = this.#parts;
    const count = positions_Bl.length / this.#batch;
    const values = new Float32Array(positions_Bl.length * channels);
    for (const [i, position] of positions_Bl.entries()) {
      const at = (Math.floor(i / count) * layout.length + position) * channels;
      values.set(this.#values_BLC.subarray(at, at + channels), i * channels);
    }
    return tensorFrom(values, [this.#batch, count, channels]) as Tensor3D;
  }

  /** The scale that a step is part of, as a whole. @throws TesseraError `scale-unfinished` where a coarser one is not whole */
  async #scaleOf(step: Step): Promise<Context> {
    const { layout, channels } = this.#parts;
    const scale = this.#placeOf(step);
    const { start, height, width } = layout.scales[scale]!;
    const n = height * width;
    const cut = (from: Float32Array, numbers: number): Float32Array => {
      const own = new Float32Array(this.#batch * n * numbers);
      for (let row = 0; row < this.#batch; row++) {
        const at = (row * layout.length + start) * numbers;
        own.set(from.subarray(at, at + n * numbers), row * n * numbers);
      }
      return own;
    };
    const values_BLC = this.#values();
    try {
      return {
        reads: 'scale',
        estimate_BnC: scale === 0 ? null : await this.#parts.estimate!(values_BLC, scale),
        values_BnC: tensorFrom(cut(this.#values_BLC, channels), [this.#batch, n, channels]) as Tensor3D,
        known_Bn: tensorFrom(cut(this.#known_BL, 1), [this.#batch, n]) as Tensor2D,
      };
    } finally {
      values_BLC.dispose();
    }
  }

  /** The one scale that a step's positions lie in; all coarser tokens are known. */
  #placeOf({ index, positions_Bl }: Step): number {
    const { layout, who } = this.#parts;
    const scale = scaleAt(layout, positions_Bl[0]!);
    const { start, height, width } = layout.scales[scale]!;
    const outside = positions_Bl.find((at) => at < start || at >= start + height * width);
    const gap = this.#known_BL.findIndex((known, at) => known === 0 && at % layout.length < start);
    if (outside === undefined && gap < 0) return scale;
    throw new TesseraError({
      code: 'scale-unfinished',
      who,
      got:
        outside === undefined
          ? `step ${index} in scale ${scale} while position ${gap % layout.length} is missing`
          : `step ${index} with the positions ${positions_Bl[0]} and ${outside}`,
      expected: 'tokens of one scale, after all of the coarser ones',
      next: 'Choose an order whose step is a scale or a part of one.',
    });
  }

  #isKept(position: number): boolean {
    return this.#kept?.keep_L[position] === 1;
  }

  #place(at: number, token: Float32Array): void {
    this.#values_BLC.set(token, at * token.length);
    this.#known_BL[at] = 1;
  }

  #check(step: Step): void {
    const { layout, who } = this.#parts;
    const free = (at: number): boolean => this.#known_BL[at] === 0 || this.#isKept(at % layout.length);
    checkPositions(step, { batch: this.#batch, length: layout.length, free, who });
  }

  #checkFilled(): void {
    if (!this.#known_BL.includes(1)) throw canvasEmpty('one token written at least', this.#parts.who);
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

function notThere(position: number, who: string): TesseraError {
  return new TesseraError({
    code: 'step-misfit',
    who,
    got: `position ${position} to be drawn again`,
    expected: 'one that has been drawn, and is not kept',
    next: 'Choose an order that was opened for this request.',
  });
}

/** One picture per row of a batch of pixels; disposes the batch. */
export async function pixelsOf(pixels_BHWC: Tensor4D): Promise<readonly Pixels[]> {
  const [batch, height, width, channels] = pixels_BHWC.shape;
  try {
    const data = await pixels_BHWC.data<'float32'>();
    const size = height * width * channels;
    return Array.from({ length: batch }, (_, row) => ({
      data: data.slice(row * size, (row + 1) * size),
      height,
      width,
      channels,
    }));
  } finally {
    pixels_BHWC.dispose();
  }
}
