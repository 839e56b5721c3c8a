import * as tf from '@tensorflow/tfjs';
import type { HeadPlugin } from '@tessera/core';
import { plainRng, take } from '../bench.ts';
import { drawsCodes } from './book.ts';
import { stale, unused, type Weighed } from '../other-weights.ts';
import type { PartTrial } from '../options.ts';
import { draw, hiddenFrom, targetOf, WIDTH, withHead, type Draw, type OpenedHead } from './trained-head.ts';
import { toyBatch, toyOf } from './toy.ts';

/** What is wrong with how a head uses its weights, or null. `asked` is a step that it draws. */
export async function misweighed(
  spec: PartTrial<HeadPlugin>,
  asked: (opened: OpenedHead) => Draw,
): Promise<string | null> {
  const weighed: Omit<Weighed<OpenedHead>, 'numbers'> = {
    trial: spec.trial,
    open: (use) => withHead(spec, use),
    bench: ({ bench }) => bench,
  };
  const drawn = async (opened: OpenedHead) => (await draw(opened, asked(opened))).values;
  return (
    (await stale({ ...weighed, numbers: drawn })) ??
    unused({
      ...weighed,
      numbers: async (opened) => Float32Array.from([...(await losses(opened)), ...(await drawn(opened))]),
    })
  );
}

/** Losses of a few tokens. */
async function losses({ head, space, plugin, trial }: OpenedHead): Promise<Float32Array> {
  const whole = toyBatch(toyOf({ space, width: WIDTH, codes: drawsCodes(plugin), seed: trial.seed }), trial.seed);
  try {
    return await take(
      tf.tidy(() => {
        const few = Object.fromEntries(Object.entries(whole).map(([name, all]) => [name, tf.slice(all, 0, 1)]));
        return head.loss(hiddenFrom(few), targetOf(few, space), { rng: plainRng(trial.seed), train: true });
      }),
    );
  } finally {
    tf.dispose(whole);
  }
}
