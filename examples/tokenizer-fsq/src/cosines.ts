/**
 * The first `count` two-dimensional cosines of a square patch (DCT-II), slowest first, each of length 1 and all at right
 * angles: [side * side, count]. @param side of the patch, in pixels
 */
export function cosines(side: number, count: number): number[][] {
  const pairs = Array.from({ length: side * side }, (_, i) => [Math.floor(i / side), i % side] as const);
  const kept = pairs.sort(([u, v], [x, y]) => u + v - (x + y) || Math.max(u, v) - Math.max(x, y)).slice(0, count);
  return Array.from({ length: side * side }, (_, pixel) => {
    const [row, column] = [Math.floor(pixel / side), pixel % side];
    return kept.map(([u, v]) => wave(u, row, side) * wave(v, column, side));
  });
}

/** Cosine number `u` of a line of `side` pixels, at one of them. */
function wave(u: number, at: number, side: number): number {
  const size = u === 0 ? Math.sqrt(1 / side) : Math.sqrt(2 / side);
  return size * Math.cos((Math.PI * (2 * at + 1) * u) / (2 * side));
}
