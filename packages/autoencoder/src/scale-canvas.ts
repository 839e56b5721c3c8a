import type { Tensor1D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  canvasEmpty,
  checkKept,
  checkTokens,
  pixelsOf,
  TokenCanvas,
  type Canvas,
  type Context,
  type Kept,
  type Layout,
  type Pixels,
  type PreviewKind,
  type Reads,
  type Row,
  type Step,
  type TokenCanvasParts,
  type Tokens,
} from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { ScalePrograms } from './scale-programs.ts';

interface ScaleCanvasParts {
  /** Named in errors. */
  readonly who: string;
  readonly programs: ScalePrograms;
  readonly layout: Layout;
  /** Numbers per token. */
  readonly channels: number;
}

/** Opens a canvas of scales: one with a running map for backbones that read estimates, else tokens in their places. */
export interface OpenScaleCanvas {
  (rows: readonly Row[], kept: Kept | null, reads: 'estimate'): ScaleCanvas;
  (rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas;
}

/** The canvases of a tokenizer of scales. */
export function scaleCanvases(parts: ScaleCanvasParts): OpenScaleCanvas {
  const { programs } = parts;
  const scattered = {
    ...parts,
    decode: async (values_1LC) => (await pixelsOf(await programs.decodeTokens()(values_1LC)))[0]!,
    preview: async (values_BLC, known_BL) => pixelsOf(await programs.previewTokens()(values_BLC, known_BL)),
    estimate: (values_BLC, scale) => programs.estimateOfTokens(scale)(values_BLC),
  } satisfies TokenCanvasParts;
  function open(rows: readonly Row[], kept: Kept | null, reads: 'estimate'): ScaleCanvas;
  function open(rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas;
  function open(rows: readonly Row[], kept: Kept | null, reads: Reads): Canvas {
    if (reads === 'estimate') return new ScaleCanvas(parts, rows.length, kept);
    return new TokenCanvas(scattered, { batch: rows.length, kept, reads });
  }
  return open;
}

/** The canvas of next-scale generation (VAR, arXiv 2404.02905): a running map to which every scale adds. */
export class ScaleCanvas implements Canvas {
  readonly #parts: ScaleCanvasParts;
  readonly #batch: number;
  readonly #kept: Kept | null;
  #map_BHWC: Tensor4D | null = null;
  #written = 0;

  /** An empty canvas for `batch` rows. `kept` is borrowed until the canvas is disposed. */
  constructor(parts: ScaleCanvasParts, batch: number, kept: Kept | null) {
    if (kept !== null) checkKept(kept, [batch, parts.layout.length, parts.channels], parts.who);
    this.#parts = parts;
    this.#batch = batch;
    this.#kept = kept;
  }

  /** The running map [B, H, W, C], borrowed; null before the first scale is written. */
  get map_BHWC(): Tensor4D | null {
    return this.#map_BHWC;
  }

  async read(step: Step): Promise<Context> {
    this.#check(step);
    if (this.#map_BHWC === null) return { reads: 'estimate', values_BlC: null };
    return { reads: 'estimate', values_BlC: await this.#parts.programs.estimate(step.index)(this.#map_BHWC) };
  }

  async write(step: Step, { values_BlC }: Tokens): Promise<void> {
    this.#check(step);
    const { channels, who } = this.#parts;
    checkTokens(values_BlC, [this.#batch, step.positions_Bl.length / this.#batch, channels], who);
    const mixed_BlC = await this.#keepGiven(values_BlC, step.index);
    try {
      const after = await this.#extend(mixed_BlC ?? values_BlC, step.index);
      this.#map_BHWC?.dispose();
      this.#map_BHWC = after;
      this.#written++;
    } finally {
      mixed_BlC?.dispose();
    }
  }

  async preview(kind: PreviewKind): Promise<readonly Pixels[] | null> {
    if (kind === 'none') return null;
    if (kind === 'linear') return pixelsOf(await this.#parts.programs.preview()(this.#filled()));
    const pictures: Pixels[] = [];
    // One by one: the decoder's memory grows with the batch, and a row then shows the same bytes as when it is rendered.
    for (let row = 0; row < this.#batch; row++) pictures.push(await this.render(row));
    return pictures;
  }

  async render(row: number): Promise<Pixels> {
    const decode = this.#parts.programs.decode();
    if (this.#batch === 1) return (await pixelsOf(await decode(this.#filled())))[0]!;
    const row_1 = tensorFrom(Int32Array.of(row), [1], 'int32') as Tensor1D;
    const map_1HWC = await this.#parts.programs
      .row()(this.#filled(), row_1)
      .finally(() => row_1.dispose());
    try {
      return (await pixelsOf(await decode(map_1HWC)))[0]!;
    } finally {
      map_1HWC.dispose();
    }
  }

  dispose(): void {
    this.#map_BHWC?.dispose();
    this.#map_BHWC = null;
  }

  #check(step: Step): void {
    const { layout, who } = this.#parts;
    checkStep(step, { layout, batch: this.#batch, written: this.#written, who });
  }

  #filled(): Tensor4D {
    if (this.#map_BHWC === null) throw canvasEmpty('one scale written at least', this.#parts.who);
    return this.#map_BHWC;
  }

  #extend(tokens_BlC: Tensor3D, scale: number): Promise<Tensor4D> {
    const { programs } = this.#parts;
    return this.#map_BHWC === null ? programs.begin()(tokens_BlC) : programs.extend(scale)(tokens_BlC, this.#map_BHWC);
  }

  /** Tokens of one scale with the kept ones in their places; null where nothing is kept. */
  async #keepGiven(tokens_BlC: Tensor3D, scale: number): Promise<Tensor3D | null> {
    if (this.#kept === null) return null;
    const { values_BLC, keep_L } = this.#kept;
    const { start, height, width } = this.#parts.layout.scales[scale]!;
    const keep = Float32Array.from(keep_L.subarray(start, start + height * width));
    const keep_1l1 = tensorFrom(keep, [1, keep.length, 1]) as Tensor3D;
    try {
      return await this.#parts.programs.keep(scale)(tokens_BlC, values_BLC, keep_1l1);
    } finally {
      keep_1l1.dispose();
    }
  }
}

/** A step must hold one whole scale, the next one. @throws TesseraError `step-not-a-scale` */
function checkStep(step: Step, at: { layout: Layout; batch: number; written: number; who: string }): void {
  const { layout, batch, written, who } = at;
  const scale = layout.scales[step.index];
  const length = scale === undefined ? 0 : scale.height * scale.width;
  const fits =
    step.index === written && step.positions_Bl.length === batch * length && step.positions_Bl[0] === scale?.start;
  if (fits) return;
  throw new TesseraError({
    code: 'step-not-a-scale',
    who,
    got: `step ${step.index} with ${step.positions_Bl.length} positions from ${step.positions_Bl[0]}`,
    expected: `scale ${written} of ${layout.scales.length} as a whole, for ${batch} rows`,
    next: 'Choose the next-scale order.',
  });
}
