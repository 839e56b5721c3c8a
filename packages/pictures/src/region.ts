import type { Box } from '@tessera/request';

export interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A rectangle in whole pixels, at least one each way; the ends are not part of it. */
export interface PixelBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function pixelBox([x0, y0, x1, y1]: Box, { height, width }: Pick<ImageSize, 'height' | 'width'>): PixelBox {
  const left = Math.min(width - 1, Math.round(x0! * width));
  const top = Math.min(height - 1, Math.round(y0! * height));
  return {
    left,
    top,
    right: Math.max(left + 1, Math.round(x1! * width)),
    bottom: Math.max(top + 1, Math.round(y1! * height)),
  };
}

/** 1 inside of a rectangle, row by row; `outside` inverts. */
export function boxMask(
  { left, top, right, bottom }: PixelBox,
  { height, width }: Pick<ImageSize, 'height' | 'width'>,
  outside = false,
): Uint8Array {
  return Uint8Array.from({ length: height * width }, (_, pixel) => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const inside = x >= left && x < right && y >= top && y < bottom;
    return inside === outside ? 0 : 1;
  });
}
