import { tensorFrom } from '@tessera/engine';
import { numbersOf } from '../bench.ts';
import { largest } from '../compare.ts';
import { asksLosses } from '../learn.ts';
import { WIDTH, type OpenedHead } from './opened-head.ts';
import { targetOf, taughtOf } from './taught-head.ts';

const [B, L] = [2, 4];
/** The token that is changed, of B times L. */
const CHANGED = 6;
/** A token's own loss moves by more than this share of it, the others' by less than rounding. */
const OWN = 1e-5;
const OTHERS = 1e-6;

/** Whose loss a change of one token moves besides its own, or null. */
export async function spilledLoss(opened: OpenedHead): Promise<string | null> {
  const losses = lossesOf(opened);
  const usual = await losses(null);
  for (const [change, what] of [
    ['target', 'the target of one token'],
    ['hidden', 'the hidden state of one token'],
  ] as const) {
    const moved = (await losses(change)).map((loss, i) => Math.abs(loss - usual[i]!));
    const size = Math.max(1, largest(usual));
    const spilled = moved.findIndex((by, token) => token !== CHANGED && !(by <= OTHERS * size));
    if (spilled >= 0) return `the loss of another token moved by ${moved[spilled]!.toPrecision(2)} by ${what}`;
    if (!(moved[CHANGED]! > OWN * size)) return `a loss that ${what} does not move`;
  }
  return null;
}

type Change = 'target' | 'hidden' | null;

function lossesOf({ head, space, bench, plugin, trial }: OpenedHead): (change: Change) => Promise<Float32Array> {
  const ask = asksLosses(bench, (given, rng) =>
    head.loss(taughtOf(given), targetOf(given, space), { rng, train: true }),
  );
  const C = space.channels;
  return async (change) => {
    const hidden = numbersOf('targets.hidden', B * L * WIDTH, trial.seed);
    const values = numbersOf('targets.values', B * L * C, trial.seed);
    const index = Int32Array.from({ length: B * L }, (_, i) => i % 2);
    if (change === 'hidden') hidden.subarray(CHANGED * WIDTH, (CHANGED + 1) * WIDTH).fill(1);
    if (change === 'target') {
      for (let c = 0; c < C; c++) values[CHANGED * C + c]! += 1.5;
      index[CHANGED] = 1;
    }
    const batch = {
      hidden_BlD: tensorFrom(hidden, [B, L, WIDTH]),
      ...(plugin.space === 'discrete'
        ? { index_Bl: tensorFrom(index, [B, L], 'int32') }
        : { values_BlC: tensorFrom(values, [B, L, C]) }),
    };
    try {
      return await ask(batch);
    } finally {
      for (const tensor of Object.values(batch)) tensor.dispose();
    }
  };
}
