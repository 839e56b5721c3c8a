/** How `nn.resize` interpolates; the names of PyTorch's F.interpolate. */
export type ResizeMode = 'bicubic' | 'area' | 'bilinear' | 'nearest';

/** Keys' cubic convolution kernel with a = -0.75, PyTorch's choice. */
const CUBIC = -0.75;

/**
 * The matrix [to, from] that resizes one axis, row-major, as F.interpolate does with align_corners = false and no
 * antialiasing. Rows sum to one.
 */
export function resizeMatrix(from: number, to: number, mode: ResizeMode): Float32Array {
  const matrix = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    for (const [column, weight] of taps(row, { from, to, mode })) {
      const at = row * from + Math.min(from - 1, Math.max(0, column));
      matrix[at] = matrix[at]! + weight;
    }
  }
  return matrix;
}

/** Source positions and weights of one target position; positions beyond the edge are clamped by the caller. */
function taps(row: number, axis: { from: number; to: number; mode: ResizeMode }): [number, number][] {
  const { from, to, mode } = axis;
  if (mode === 'nearest') return [[Math.floor((row * from) / to), 1]];
  if (mode === 'area') {
    const start = Math.floor((row * from) / to);
    const end = Math.ceil(((row + 1) * from) / to);
    return Array.from({ length: end - start }, (_, i) => [start + i, 1 / (end - start)]);
  }
  const centre = ((row + 0.5) * from) / to - 0.5;
  if (mode === 'bilinear') {
    const clamped = Math.max(0, centre);
    const left = Math.floor(clamped);
    return [
      [left, 1 - (clamped - left)],
      [left + 1, clamped - left],
    ];
  }
  const left = Math.floor(centre);
  return [-1, 0, 1, 2].map((offset) => [left + offset, cubic(Math.abs(centre - left - offset))]);
}

function cubic(distance: number): number {
  const d = distance;
  if (d <= 1) return ((CUBIC + 2) * d - (CUBIC + 3)) * d * d + 1;
  return ((CUBIC * d - 5 * CUBIC) * d + 8 * CUBIC) * d - 4 * CUBIC;
}
