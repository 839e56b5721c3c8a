import { keyedRng } from '@tessera/engine';

/** `count` rows of `rows_NC` drawn with replacement; the same key gives the same rows. */
export function drawRows(
  rows_NC: Float32Array,
  { channels, count, seed, step }: { channels: number; count: number; seed: number; step: number },
): Float32Array {
  const total = rows_NC.length / channels;
  const draw = keyedRng([seed]).uniform({ row: 0, stream: 'codes', step, position: 0 }, count);
  const out = new Float32Array(count * channels);
  for (let i = 0; i < count; i++) {
    const row = Math.min(total - 1, Math.floor(draw[i]! * total));
    out.set(rows_NC.subarray(row * channels, (row + 1) * channels), i * channels);
  }
  return out;
}

/** A copy of `table_VC` with these rows replaced, in order. */
export function replaceRows(
  table_VC: Float32Array,
  rows: readonly number[],
  { channels, values }: { channels: number; values: Float32Array | number },
): Float32Array {
  const out = table_VC.slice();
  for (const [i, row] of rows.entries()) {
    const from = row * channels;
    if (typeof values === 'number') out.fill(values, from, from + channels);
    else out.set(values.subarray(i * channels, (i + 1) * channels), from);
  }
  return out;
}
