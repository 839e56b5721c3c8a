import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { checkImage, type Encoding, type Layout, type Space, type Tokenizer, type Tokens } from '@tessera/core';
import type { Engine, TraceRng } from '@tessera/engine';
import { estimatesOf, keepMask, readsOfScales } from './pyramid.ts';
import { scaleCanvases, type OpenScaleCanvas } from './scale-canvas.ts';
import { ProgramSet, ScalePrograms, type ScaleModel } from './scale-programs.ts';

/** What a tokenizer of scales adds to what all of them do. */
interface ScaleTokenizerParts {
  /** Stands before the names of programs, in profiles and errors. */
  readonly name: string;
  readonly space: Space;
  readonly layout: Layout;
  readonly image: Tokenizer['image'];
  /** How tokens make a map, and how the map is shown. */
  readonly shown: ScaleModel;
  /** Pixels in [0, 1], [B, H, W, channels] -> what an encoding holds. Traceable. */
  encode(pixels_BHWC: Tensor4D): Tensor;
  /** What `encode` gives: indices of codes, or moments of a distribution. */
  readonly encodes: 'index_BL' | 'moments';
  /** Tokens of all scales. Traceable. */
  draw(encoding: Encoding, rng: TraceRng | null): Tokens;
}

export interface ScaleTokenizer extends Tokenizer {
  readonly openCanvas: OpenScaleCanvas;
}

/** A tokenizer of one or several scales. `dispose` releases the compiled programs alone: parameters are borrowed. */
export function openScaleTokenizer(engine: Engine, parts: ScaleTokenizerParts): ScaleTokenizer {
  const { name, space, layout, image, shown } = parts;
  const { who, pyramid } = shown;
  const programs = new ProgramSet(engine, name);
  return {
    space,
    layout,
    serves: readsOfScales(layout.scales.length),
    image,
    async encode(image_BHWC: Tensor4D): Promise<Encoding> {
      checkImage(image_BHWC, image, who);
      const encode = programs.once('encode', { axes: ['B . . .'] }, (pixels_BHWC: Tensor4D) =>
        parts.encode(pixels_BHWC),
      );
      return { [parts.encodes]: await encode(image_BHWC) };
    },
    draw: (encoding, rng) => parts.draw(encoding, rng),
    ...(layout.scales.length > 1 && { estimates: (values_BLC: Tensor3D) => estimatesOf(pyramid, values_BLC) }),
    keepMask: (mask) => keepMask(layout, mask, who),
    openCanvas: scaleCanvases({
      who: `${who} canvas`,
      programs: new ScalePrograms(programs, shown),
      layout,
      channels: space.channels,
    }),
    dispose: () => programs.dispose(),
  };
}
