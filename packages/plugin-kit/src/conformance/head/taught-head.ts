import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { TargetName } from '@tessera/targets';
import type { HeadPlugin, Space, Tokens } from '@tessera/core';
import type { PartTrial } from '../options.ts';
import { load, valuesOf, type BenchValues } from '../bench.ts';
import { trains, type Lessons } from '../learn.ts';
import { draw, WIDTH, withHead, type Draw, type Drawn, type OpenedHead } from './opened-head.ts';
import { hiddenOf, KINDS, taughtBatch, toyOf, type Toy } from './toy.ts';

/** Images drawn at once: with six tokens each, 1536 draws to judge by. */
export const IMAGES = 256;

/** A head whose weights have learnt the toy. */
export interface TaughtHead extends OpenedHead {
  readonly toy: Toy;
}

/** Teaches a head once, where that is quick, and gives the learnt weights to a head on any target. */
export class Lesson {
  /** The target of the teaching, on which its samples are judged. */
  readonly target: TargetName;
  readonly #spec: Omit<PartTrial<HeadPlugin>, 'target'>;
  #learnt: Promise<BenchValues> | null = null;

  constructor(spec: Omit<PartTrial<HeadPlugin>, 'target'>) {
    const { targets } = spec.trial;
    this.target = targets.find((one) => one !== 'eager') ?? targets[0]!;
    this.#spec = spec;
  }

  async on<T>(target: TargetName, use: (taught: TaughtHead) => Promise<T>): Promise<T> {
    this.#learnt ??= this.#teach();
    const learnt = await this.#learnt;
    return withHead({ ...this.#spec, target }, async (opened) => {
      load(opened.bench, learnt);
      return use({ ...opened, toy: toyFor(opened) });
    });
  }

  async #teach(): Promise<BenchValues> {
    return withHead({ ...this.#spec, target: this.target }, async (opened) => {
      const { head, space, bench, trial } = opened;
      const batch = taughtBatch(toyFor(opened), trial.seed);
      try {
        const loss: Lessons['loss'] = (given, rng) =>
          head.loss(taughtOf(given), targetOf(given, space), { rng, train: true });
        await trains(bench, { batch, loss }, trial.learning);
        return await valuesOf(bench);
      } finally {
        for (const tensor of Object.values(batch)) tensor.dispose();
      }
    });
  }
}

function toyFor({ space, plugin, trial }: OpenedHead): Toy {
  return toyOf({ space, width: WIDTH, codes: plugin.space === 'discrete', seed: trial.seed });
}

export function taughtOf(given: Readonly<Record<string, Tensor>>) {
  return { values_BlD: given['hidden_BlD'] as Tensor3D, positions_Bl: null };
}

/** Tokens of a batch by their indices, or by their values alone. */
export function targetOf(given: Readonly<Record<string, Tensor>>, space: Space): Tokens {
  const index_Bl = given['index_Bl'] as Tensor2D | undefined;
  if (!index_Bl || space.kind === 'continuous') return { values_BlC: given['values_BlC'] as Tensor3D };
  return { values_BlC: tf.gather(space.codebook_VC, index_Bl) as unknown as Tensor3D, index_Bl };
}

/** Kinds whose hidden states stand at the six places of an image, and those of the null class where guided. */
export const kindAt = (place: number): number => place;
export const nullAt = (place: number): number => (place + 1) % KINDS;

const places = Array.from({ length: KINDS }, (_, place) => place);

/** One token of every kind for each of many images. */
export async function drawKinds(
  taught: TaughtHead,
  { guided = false, ...asked }: Partial<Omit<Draw, 'hidden' | 'blind'>> & { readonly guided?: boolean } = {},
): Promise<Drawn> {
  const { toy, trial } = taught;
  return draw(taught, {
    seeds: Array.from({ length: IMAGES }, (_, row) => 1000 * trial.seed + row),
    hidden: hiddenOf(toy, places.map(kindAt)),
    ...(guided && { blind: hiddenOf(toy, places.map(nullAt)) }),
    ...asked,
  });
}
