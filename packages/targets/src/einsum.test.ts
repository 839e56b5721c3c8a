import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '@tessera/engine';
import { createEngine } from './targets.ts';

/* Contractions that plug-ins write, eager and compiled, against sums in plain loops; and their gradients, against differences. */

let engine: Engine;
beforeAll(() => void (engine = createEngine({ target: 'onnx' })));
afterAll(() => engine.dispose());

const sizes: Readonly<Record<string, number>> = { b: 2, h: 3, i: 4, j: 5, k: 3, d: 6 };
const equations = [
  ['ij->ji'],
  ['bij->bj'],
  ['bij->'],
  ['ij,jk->ik'],
  ['bij,bkj->bik'],
  ['bhid,bhjd->bhij'],
  ['bhij,bhjd->ibhd'],
  ['bid,dk->bik'],
  ['i,j->ij'],
  ['i,i->'],
  ['bi,bi->b'],
  ['bij,jk->ki'],
  [' b i j , k -> i k '],
] as const;

function operandsOf(equation: string): Tensor[] {
  const terms = equation.replace(/\s/g, '').split('->')[0]!.split(',');
  return terms.map((term, i) => {
    const shape = [...term].map((label) => sizes[label]!);
    const count = shape.reduce((product, size) => product * size, 1);
    return tf.tensor(
      Float32Array.from({ length: count }, (_, n) => Math.sin(n * (i + 1.3) + i)),
      shape,
    );
  });
}

/** By definition: the sum over all letters. */
function summed(equation: string, tensors: readonly Tensor[]): { shape: number[]; data: number[] } {
  const [terms, result] = equation.replace(/\s/g, '').split('->') as [string, string];
  const operands = terms.split(',');
  const letters = [...new Set([...result, ...operands.join('')])];
  const offset = (term: string, at: Readonly<Record<string, number>>) =>
    [...term].reduce((place, letter) => place * sizes[letter]! + at[letter]!, 0);
  const numbers = tensors.map((tensor) => tensor.dataSync());
  const shape = [...result].map((letter) => sizes[letter]!);
  const data = new Array<number>(shape.reduce((product, size) => product * size, 1)).fill(0);
  const all = letters.reduce((product, letter) => product * sizes[letter]!, 1);
  for (let n = 0; n < all; n++) {
    let rest = n;
    const at: Record<string, number> = {};
    for (const letter of letters) {
      at[letter] = rest % sizes[letter]!;
      rest = Math.floor(rest / sizes[letter]!);
    }
    data[offset(result, at)]! += operands.reduce((product, term, i) => product * numbers[i]![offset(term, at)]!, 1);
  }
  return { shape, data };
}

function close(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of Array.from(found).entries()) expect(value).toBeCloseTo(expected[i]!, 3);
}

describe('einsum', () => {
  it.each(equations)('%s is the sum that it says, eager and compiled', async (equation) => {
    const tensors = operandsOf(equation);
    const program = engine.compile((...given: Tensor[]) => tf.einsum(equation, ...given), { name: 'contraction' });
    const expected = summed(equation, tensors);
    const before = tf.memory().numTensors;
    for (const found of [tf.einsum(equation, ...tensors), await program(...tensors)]) {
      expect(found.shape).toEqual(expected.shape);
      close(await found.data(), expected.data);
      found.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
    program.dispose();
  });

  it.each(equations)('%s has a gradient, eager and compiled', async (equation) => {
    const tensors = operandsOf(equation);
    const loss = (...given: Tensor[]): tf.Scalar => tf.sum(tf.square(tf.einsum(equation, ...given)));
    const gradients = (...given: Tensor[]): Tensor[] => tf.grads(loss)(given);
    const eager = gradients(...tensors);
    const program = engine.compile((...given: Tensor[]) => gradients(...given), { name: 'gradients' });
    const compiled = await program(...tensors);
    for (const [i, tensor] of tensors.entries()) {
      expect(eager[i]!.shape).toEqual(tensor.shape);
      close(await compiled[i]!.data(), await eager[i]!.data());
      // Against differences of the loss, at one number of each operand.
      const moved = (by: number): number => {
        const numbers = Float32Array.from(tensor.dataSync());
        numbers[numbers.length - 1]! += by;
        return loss(...tensors.with(i, tf.tensor(numbers, tensor.shape))).dataSync()[0]!;
      };
      const slope = (moved(0.01) - moved(-0.01)) / 0.02;
      const found = eager[i]!.dataSync().at(-1)!;
      expect(Math.abs(found - slope)).toBeLessThan(0.02 * Math.max(1, Math.abs(slope)));
    }
    program.dispose();
  });

  it.each([
    ['ii->i', 1],
    ['ij,jk', 2],
    ['ij->ijk', 1],
    ['ij->ii', 1],
    ['i,j,k->ijk', 3],
    ['...i->i', 1],
  ])('%s is refused by a sentence', async (equation, count) => {
    const program = engine.compile((...given: Tensor[]) => tf.einsum(equation, ...given), { name: 'contraction' });
    const given = Array.from({ length: count }, () => tf.ones([2, 2]));
    await expect(program(...given)).rejects.toThrow(/^\[einsum\] got the equation .*; expected one or two terms/);
    program.dispose();
  });

  it('names letters whose sizes differ', async () => {
    const program = engine.compile((a: Tensor, b: Tensor) => tf.einsum('ij,jk->ik', a, b), { name: 'contraction' });
    await expect(program(tf.ones([2, 3]), tf.ones([4, 2]))).rejects.toThrow(
      '[einsum] got j of 3 and of 4; expected one size',
    );
    program.dispose();
  });
});
