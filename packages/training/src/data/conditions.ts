import { classOf, type Condition, type ConditionSpace } from '@tessera/core';
import { keyedRng } from '@tessera/engine';
import type { Split } from './data-set.ts';

/** What is known of images that a condition can say. */
export type Shown = Pick<Split, 'label_N' | 'inputs'>;

/** Which of the inputs of an image is taken, by the number of its batch. */
interface InputKey {
  readonly seed: number;
  readonly number: number;
}

/**
 * What images are to show, said in the way of a model: their classes, or else one of their inputs, each as likely; none where
 * nothing is known of an image. Without a key, the first input. Random stream: `input`, one uniform an image.
 */
export function conditionsOf(
  { label_N, inputs }: Shown,
  { classes }: Pick<ConditionSpace, 'classes'>,
  { members, key }: { readonly members: Int32Array; readonly key?: InputKey },
): Condition[] {
  if (classes !== null) return Array.from(members, (member) => classOf(label_N[member]!));
  const draw =
    key && keyedRng([key.seed]).uniform({ row: 0, stream: 'input', step: key.number, position: 0 }, members.length);
  return Array.from(members, (member, slot) => {
    const all = inputs?.[member] ?? [];
    if (all.length === 0) return { kind: 'none' };
    const at = draw ? Math.min(all.length - 1, Math.floor(draw[slot]! * all.length)) : 0;
    return { kind: 'input', input: all[at] };
  });
}
