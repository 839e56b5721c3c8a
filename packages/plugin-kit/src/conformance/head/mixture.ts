import type { Mix, OpenMix, PredictionShape } from '@tessera/core';
import { apart } from '../compare.ts';
import { draw, type Draw, type OpenedHead } from './trained-head.ts';

/** What a head gave to a guidance. */
interface Asked {
  readonly shape: PredictionShape;
  readonly given: Parameters<Mix>[0][];
}

/**
 * What is wrong with how a head lets guidances mix its predictions, or null: it says rightly what they are, opens a mixture for
 * each image, and goes on with what that gives.
 */
export async function mixesOtherwise(opened: OpenedHead, guided: Draw): Promise<string | null> {
  const { plugin } = opened;
  const weight = 3;
  const asked: Asked[] = [];
  const through =
    (mix: Mix): OpenMix =>
    (shape) => {
      const given: Asked['given'] = [];
      asked.push({ shape, given });
      return (predictions) => {
        given.push(predictions);
        return mix(predictions);
      };
    };
  const plain = await draw(opened, { seeds: guided.seeds, hidden: guided.hidden });
  const own = await draw(opened, { ...guided, weight, mix: through(({ own_lX }) => own_lX) });
  const left = apart('tokens without guidance, and of a mixture that leaves them so', plain.values, own.values);
  if (left !== null) return left;
  const wrong = misasked(asked, { kind: plugin.mixes!, images: guided.seeds.length, tokens: plain.tokens });
  if (wrong !== null) return wrong;
  const linear: Mix = ({ own_lX, none_lX }) => own_lX.map((c, i) => c + (weight - 1) * (c - none_lX[i]!));
  const byWeight = await draw(opened, { ...guided, weight });
  const byMix = await draw(opened, { ...guided, weight, mix: through(linear) });
  return apart('tokens of u + w (c - u) by the weight and by a mixture', byWeight.values, byMix.values);
}

interface Due {
  readonly kind: string;
  readonly images: number;
  /** Of an image. */
  readonly tokens: number;
}

function misasked(asked: readonly Asked[], { kind, images, tokens }: Due): string | null {
  if (asked.length !== images) return `${asked.length} mixtures opened for ${images} images`;
  for (const { shape, given } of asked) {
    const { groups, width } = shape;
    if (shape.kind !== kind) return `predictions of ${shape.kind}, of a head that mixes ${kind}`;
    if (shape.tokens !== tokens) return `predictions of ${shape.tokens} tokens, where ${tokens} are drawn`;
    const sum = groups.reduce((all, size) => all + size, 0);
    if (sum !== width) return `groups of ${sum} numbers together, where a token has ${width}`;
    if (given.length === 0) return 'a mixture that was opened and not used';
    for (const { own_lX, none_lX, clean } of given) {
      const counts = [own_lX.length, none_lX.length, ...(clean ? [clean.state_lX.length] : [])];
      if (counts.some((count) => count !== tokens * width))
        return `predictions of ${counts.join(' and ')} numbers, where ${tokens} tokens have ${width} each`;
      if (kind !== 'logits' && !clean) return `predictions of ${kind} without the data that they stand for (clean)`;
    }
  }
  return null;
}
