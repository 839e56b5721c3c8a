import type { TokenMap } from '../api/operations.ts';

/** Where a key goes from a place on a map, without leaving it; null for other keys. */
export function moved(
  from: number | null,
  key: string,
  { height, width }: Pick<TokenMap, 'height' | 'width'>,
): number | null {
  const at = from ?? 0;
  const [row, column] = [Math.floor(at / width), at % width];
  switch (key) {
    case 'ArrowLeft':
      return column > 0 ? at - 1 : at;
    case 'ArrowRight':
      return column < width - 1 ? at + 1 : at;
    case 'ArrowUp':
      return row > 0 ? at - width : at;
    case 'ArrowDown':
      return row < height - 1 ? at + width : at;
    case 'Home':
      return 0;
    case 'End':
      return height * width - 1;
    default:
      return null;
  }
}
