import { numbersOf } from '../bench.ts';
import { walk, type OpenedOrder } from './walk.ts';

/**
 * Orders of training and of sampling that are compared. A share of them strays by less than 0.3 but for once in 10^9
 * comparisons (Hoeffding: exp(-256 * 0.3^2)), of which two maps have some hundred.
 */
const ROUNDS = 256;
const STRAY = 0.3;

/** Keys of training, [L] in [0, 1). */
export function keysOf(length: number, round: number): Float32Array {
  return numbersOf('visit', length, round).map((value) => Math.abs(value * 1000) % 1);
}

/**
 * Training and sampling go the same way: wherever sampling writes p in a step before q, training has p before q at least
 * as often. Within a step nothing is before the other, so that any order of training agrees.
 */
export function otherWay(opened: OpenedOrder): string | null {
  const L = opened.layout.length;
  const [sampled, taught] = [new Float32Array(L * L), new Float32Array(L * L)];
  for (let round = 0; round < ROUNDS; round++) {
    count(sampled, placesSampled(opened, round));
    count(taught, placesTaught(opened, round));
  }
  for (let pair = 0; pair < L * L; pair++) {
    if (sampled[pair]! - taught[pair]! <= STRAY) continue;
    const [p, q] = [Math.floor(pair / L), pair % L];
    const percent = (share: number): string => `${Math.round(100 * share)}%`;
    return `position ${p} before ${q} in ${percent(sampled[pair]!)} of the images that are sampled, and ${percent(taught[pair]!)} of those that are taught`;
  }
  return null;
}

/** Adds to the share in which p comes before q. */
function count(share_LL: Float32Array, place_L: readonly number[]): void {
  for (const [p, first] of place_L.entries())
    for (const [q, second] of place_L.entries()) if (first < second) share_LL[p * place_L.length + q]! += 1 / ROUNDS;
}

/** The step in which each position comes. */
function placesSampled(opened: OpenedOrder, round: number): number[] {
  const places: number[] = [];
  for (const { step } of walk(opened, [round])) for (const position of step.positions_Bl) places[position] = step.index;
  return places;
}

function placesTaught({ order, layout }: OpenedOrder, round: number): number[] {
  const places: number[] = [];
  for (const [place, position] of order.visit(layout, keysOf(layout.length, round)).entries()) places[position] = place;
  return places;
}
