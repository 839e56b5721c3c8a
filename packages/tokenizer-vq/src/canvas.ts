import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Canvas, Context, Kept, Layout, Pixels, PreviewKind, Reads, Row, Step, Tokens } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { LinearPreview } from './config.ts';
import { pixelsOf } from './pixels.ts';
import { previewMissing } from './preview.ts';
import type { VqPrograms } from './programs.ts';

const WHO = 'tokenizer-vq canvas';

/** The canvas of next-scale generation: a running map to which every scale adds. */
export interface VqCanvas extends Canvas {
  /** [B, H, W, C], borrowed; null before the first scale is written. */
  readonly map_BHWC: Tensor4D | null;
}

export interface CanvasParts {
  readonly programs: VqPrograms;
  readonly layout: Layout;
  readonly channels: number;
  readonly preview: LinearPreview | null;
}

/** Opens an empty canvas. `kept` is borrowed until the canvas is disposed. */
export function openVqCanvas(parts: CanvasParts, rows: readonly Row[], kept: Kept | null): VqCanvas {
  const { programs, layout, channels } = parts;
  const batch = rows.length;
  if (kept !== null) checkKept(kept, [batch, layout.length, channels]);
  let map_BHWC: Tensor4D | null = null;
  let written = 0;

  function replaceMap(map: Tensor4D | null): void {
    map_BHWC?.dispose();
    map_BHWC = map;
  }

  function written_BHWC(): Tensor4D {
    if (map_BHWC !== null) return map_BHWC;
    const got = 'a picture asked of an empty canvas';
    throw new TesseraError({ code: 'canvas-empty', who: WHO, got, expected: 'one scale written at least' });
  }

  async function keepGiven(tokens_BlC: Tensor3D, scale: number): Promise<Tensor3D | null> {
    if (kept === null) return null;
    const { start, height, width } = layout.scales[scale]!;
    const keep = Float32Array.from(kept.keep_L.subarray(start, start + height * width));
    const keep_1l1 = tensorFrom(keep, [1, keep.length, 1]) as Tensor3D;
    try {
      return await programs.keep(scale)(tokens_BlC, kept.values_BLC, keep_1l1);
    } finally {
      keep_1l1.dispose();
    }
  }

  return {
    get map_BHWC() {
      return map_BHWC;
    },
    async read(step: Step, reads: Reads): Promise<Context> {
      if (reads !== 'estimate') throw readsUnserved(reads);
      checkStep(step, { layout, batch, written });
      if (map_BHWC === null) return { reads, values_BlC: null };
      return { reads, values_BlC: await programs.estimate(step.index)(map_BHWC) };
    },
    async write(step: Step, { values_BlC }: Tokens): Promise<void> {
      checkStep(step, { layout, batch, written });
      checkShape(values_BlC, [batch, step.positions_Bl.length / batch, channels]);
      const mixed_BlC = await keepGiven(values_BlC, step.index);
      const tokens_BlC = mixed_BlC ?? values_BlC;
      try {
        const before = map_BHWC;
        replaceMap(
          before === null ? await programs.begin()(tokens_BlC) : await programs.extend(step.index)(tokens_BlC, before),
        );
        written++;
      } finally {
        mixed_BlC?.dispose();
      }
    },
    async preview(kind: PreviewKind): Promise<readonly Pixels[] | null> {
      if (kind === 'none') return null;
      if (kind === 'linear' && parts.preview === null) throw previewMissing();
      const program = kind === 'linear' ? programs.preview() : programs.decode();
      return pixelsOf(await program(written_BHWC()));
    },
    async render(row: number): Promise<Pixels> {
      const [, height, width] = written_BHWC().shape;
      const size = height * width * channels;
      const data = (await written_BHWC().data<'float32'>()).slice(row * size, (row + 1) * size);
      const map_1HWC = tensorFrom(data, [1, height, width, channels]) as Tensor4D;
      try {
        const [pixels] = await pixelsOf(await programs.decode()(map_1HWC));
        return pixels!;
      } finally {
        map_1HWC.dispose();
      }
    },
    dispose: () => replaceMap(null),
  };
}

/** A step must hold one whole scale, the next one. */
function checkStep(step: Step, at: { layout: Layout; batch: number; written: number }): void {
  const { layout, batch, written } = at;
  const scale = layout.scales[step.index];
  const length = scale === undefined ? 0 : scale.height * scale.width;
  const fits =
    step.index === written && step.positions_Bl.length === batch * length && step.positions_Bl[0] === scale?.start;
  if (fits) return;
  throw new TesseraError({
    code: 'step-not-a-scale',
    who: WHO,
    got: `step ${step.index} with ${step.positions_Bl.length} positions from ${step.positions_Bl[0]}`,
    expected: `scale ${written} of ${layout.scales.length} as a whole, for ${batch} rows`,
    next: 'Choose the next-scale order.',
  });
}

function readsUnserved(reads: Reads): TesseraError {
  return new TesseraError({
    code: 'reads-unserved',
    who: WHO,
    got: `a backbone that reads '${reads}'`,
    expected: "one that reads 'estimate'",
    next: 'Choose a next-scale backbone, or a tokenizer whose canvas serves this.',
  });
}

function checkKept({ values_BLC, keep_L }: Kept, shape: readonly number[]): void {
  checkShape(values_BLC, shape);
  if (keep_L.length === shape[1]) return;
  const got = `keep_L of ${keep_L.length} entries`;
  throw new TesseraError({ code: 'shape-mismatch', who: WHO, got, expected: `${shape[1]}, one a position` });
}

function checkShape(tensor: Tensor, shape: readonly number[]): void {
  if (tensor.shape.length === shape.length && shape.every((size, axis) => tensor.shape[axis] === size)) return;
  const got = `tokens of [${tensor.shape}]`;
  throw new TesseraError({ code: 'shape-mismatch', who: WHO, got, expected: `[${shape}]` });
}
