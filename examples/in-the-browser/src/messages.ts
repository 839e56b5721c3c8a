/** What the page asks of the worker. */
export interface DrawRequest {
  readonly model: string;
  readonly label: number;
  readonly seed: number;
}

/** What the worker tells: every step with a picture, then the image with the codes that it was made of. */
export type DrawMessage =
  | { readonly type: 'step'; readonly index: number; readonly of: number; readonly picture: Picture | null }
  | {
      readonly type: 'image';
      readonly picture: Picture;
      /** Codes of discrete tokens by step; empty for continuous ones. */
      readonly codes: readonly (readonly number[])[];
      readonly loadMs: number;
      readonly drawMs: number;
    }
  | { readonly type: 'error'; readonly message: string };

/** Pixels in [0, 1], row-major, interleaved channels. */
export interface Picture {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}
