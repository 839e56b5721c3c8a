import type { TokenizerPlugin } from '@tessera/core';
import { distance, largest } from '../compare.ts';
import type { PartTrial } from '../options.ts';
import { otherConfigs } from '../other-configs.ts';
import { encode, paint, withTokenizer, type OpenedTokenizer } from './opened-tokenizer.ts';

/*
 * Whether pictures come back. What a tokenizer with weights makes of them, only its training can say; one without loses
 * what it must, but not more each time: what it shows is encoded as the same tokens again.
 */

/** Of the numbers of tokens, the root of the mean square that may change, as a share of what they vary. */
const CHANGED = 0.25;

/** Different pictures have different tokens, and those different pixels. Without weights, pixels are nearest their own. */
export async function confused(opened: OpenedTokenizer): Promise<string | null> {
  const pictures = [1, 2, 3, 4].map((number) => smoothOf(opened, number));
  const { values } = await encode(opened, pictures);
  const size = values.length / pictures.length;
  const same = pictures.findIndex(
    (_, row) => row > 0 && distance(values.subarray(0, size), values.subarray(row * size, (row + 1) * size)) === 0,
  );
  if (same > 0) return 'the same tokens for different pictures';
  const shown = await paint(opened, { tokens: values, rows: pictures.length });
  if (shown.slice(1).some((one) => distance(shown[0]!, one) === 0)) return 'the same pixels for different tokens';
  if (opened.bench.params.length > 0) return null;
  for (const [row, one] of shown.entries()) {
    const nearest = pictures.reduce(
      (best, picture, at) => (far(one, picture) < far(one, pictures[best]!) ? at : best),
      row,
    );
    if (nearest !== row) return `the picture in row ${row} shown in the place of that in row ${nearest}`;
  }
  const again = await encode(opened, shown);
  const changed = Math.sqrt(far(again.values, values) / values.length) / deviationOf(values);
  return changed <= CHANGED
    ? null
    : `pictures that are shown and encoded again with tokens that are ${Math.round(100 * changed)}% others: decoding is not the inverse of encoding`;
}

const far = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);

function deviationOf(values: Float32Array): number {
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
  return Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / values.length);
}

/** Slopes of a picture's own, which survive a lossy tokenizer; each colour has another. */
function smoothOf({ tokenizer: { image } }: OpenedTokenizer, number: number): Float32Array {
  const { height, width, channels } = image;
  return Float32Array.from({ length: height * width * channels }, (_, i) => {
    const [y, x] = [Math.floor(i / (width * channels)) / height, (Math.floor(i / channels) % width) / width];
    return [0.1 + 0.8 * y, 0.9 - 0.8 * y, 0.1 + 0.8 * x, 0.9 - 0.8 * x][(number + (i % channels)) % 4]!;
  });
}

/**
 * What is wrong under other configurations, or null. Without weights, pictures must come back under each. With them, a field
 * that only scales tokens must not change what is shown: what encoding multiplies, decoding divides.
 */
export async function otherwise(spec: PartTrial<TokenizerPlugin>): Promise<string | null> {
  const { plugin, trial } = spec;
  return withTokenizer(spec, async (opened) => {
    const usual = opened.bench.params.length > 0 ? await seenOf(opened) : null;
    for (const { config, called } of otherConfigs(plugin, trial.config)) {
      const found = await withTokenizer({ ...spec, trial: { ...trial, config } }, async (other) => {
        if (!usual) return confused(other);
        return scaledAlone(
          usual,
          other.bench.params.length === opened.bench.params.length ? await seenOf(other) : null,
        );
      }).catch((error: Error) => {
        throw new Error(`${error.message}, with ${called}`, { cause: error });
      });
      if (found !== null) return `${found}, with ${called}`;
    }
    return null;
  });
}

interface Seen {
  readonly tokens: Float32Array;
  readonly shown: Float32Array;
}

async function seenOf(opened: OpenedTokenizer): Promise<Seen> {
  const { values: tokens } = await encode(opened, [smoothOf(opened, 1)]);
  const [shown] = await paint(opened, { tokens });
  return { tokens, shown: shown! };
}

function scaledAlone(usual: Seen, other: Seen | null): string | null {
  if (!other || other.tokens.length !== usual.tokens.length || other.shown.length !== usual.shown.length) return null;
  const factor =
    far(
      other.tokens,
      usual.tokens.map(() => 0),
    ) **
      0.5 /
    far(
      usual.tokens,
      usual.tokens.map(() => 0),
    ) **
      0.5;
  const isScaled =
    Math.abs(factor - 1) > 0.01 &&
    distance(
      other.tokens,
      usual.tokens.map((one) => factor * one),
    ) <=
      1e-4 * largest(other.tokens);
  if (!isScaled || distance(other.shown, usual.shown) <= 0.01) return null;
  return `tokens that are ${factor.toPrecision(2)} times as large and another picture of them: decoding does not undo the scale of encoding`;
}
