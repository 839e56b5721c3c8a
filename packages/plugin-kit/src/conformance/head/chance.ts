import { keyedRng, type SampleRng } from '@tessera/engine';
import { sharedBetween, sharedByPlaces, sharedByRows, sharedWithin, type Residuals } from '../chance-sharing.ts';
import { draw, type Drawn } from './opened-head.ts';
import { IMAGES, type TaughtHead } from './taught-head.ts';
import { hiddenOf } from './toy.ts';

/** Places of an image, all with the same hidden state: what differs between their tokens is chance. */
const PLACES = [0, 0, 0, 0];

/** What rows, positions, steps or the numbers of a token share of their random numbers, or null. */
export async function sharesNoise(taught: TaughtHead): Promise<string | null> {
  const twice: string[] = [];
  const steps: Residuals[] = [];
  for (const step of [0, 1]) steps.push(residualsOf(taught, await drawAlike(taught, step, twice)));
  const [first, second] = steps as [Residuals, Residuals];
  const within = taught.toy.chance_KV ? null : sharedWithin(first);
  const between = sharedBetween(first, second);
  return (
    sharedByRows(first) ??
    sharedByPlaces(first) ??
    (between && `steps whose random numbers are ${between} alike`) ??
    (within && `numbers of a token whose random numbers are ${within} alike`) ??
    (twice.length > 0 ? `random numbers drawn twice for one key, ${twice[0]}` : null)
  );
}

function drawAlike(taught: TaughtHead, step: number, twice: string[]): Promise<Drawn> {
  const { toy, trial } = taught;
  const seeds = Array.from({ length: IMAGES }, (_, row) => 5000 * trial.seed + row);
  return draw(taught, { seeds, hidden: hiddenOf(toy, PLACES), step, rng: watched(keyedRng(seeds), twice) });
}

/** The same random numbers; keys that come again are noted. */
function watched(rng: SampleRng, twice: string[]): SampleRng {
  const seen = new Set<string>();
  const note = ({ row, stream, step, position }: Parameters<SampleRng['normal']>[0]): void => {
    const key = `row ${row}, stream ${stream}, step ${step}, position ${position}`;
    if (seen.has(key)) twice.push(key);
    seen.add(key);
  };
  return {
    uniform: (key, count) => (note(key), rng.uniform(key, count)),
    normal: (key, count) => (note(key), rng.normal(key, count)),
    exponential: (key, count, index) => (note(key), rng.exponential(key, count, index)),
  };
}

/** Values without their mean; of codes, one number each, 1 where it was drawn, without its frequency. */
function residualsOf({ space, toy: { channels, chance_KV } }: TaughtHead, { values, index }: Drawn): Residuals {
  const layout = { rows: IMAGES, places: PLACES.length };
  const codes = chance_KV && index && space.kind === 'discrete';
  const features = codes ? space.vocabulary : channels;
  const raw = codes ? oneHot(index, features) : values;
  const mean = new Float32Array(features);
  for (const [i, value] of raw.entries()) mean[i % features]! += (value * features) / raw.length;
  return { ...layout, features, values: raw.map((value, i) => value - mean[i % features]!) };
}

function oneHot(index: Int32Array, V: number): Float32Array {
  const hot = new Float32Array(index.length * V);
  for (const [i, v] of index.entries()) hot[i * V + v] = 1;
  return hot;
}
