import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import { argsOf, AXES, block } from '../fixtures/cached-block.ts';
import { floats, numbersOf } from '../fixtures/compare.ts';
import { isTensorFlowHere, tensorFlowSkip } from '../fixtures/tensorflow-here.ts';
import { loadTensorFlow } from '@tessera/target-tensorflow';

const eager = createEngine({ target: 'eager' });
const graph = createEngine({ target: 'tensorflow', threads: 1 });
afterAll(() => graph.dispose());

describe.skipIf(!isTensorFlowHere)(`programs on tensorflow${tensorFlowSkip}`, () => {
  it('serve all sizes by one session', async () => {
    const options = { name: 'block', axes: AXES };
    const [ours, reference] = [graph.compile(block, options), eager.compile(block, options)];
    const sizes: readonly (readonly [number, number, number])[] = [
      [2, 3, 4],
      [4, 5, 2],
      [3, 2, 9],
    ];
    for (const [rows, length, past] of sizes) {
      const args = argsOf(rows, length, past);
      const [made, wanted] = [await numbersOf(ours(...args)), await numbersOf(reference(...args))];
      made.forEach(({ data }, i) => data.forEach((x, j) => expect(x).toBeCloseTo(wanted[i]!.data[j]!, 4)));
      tf.dispose(args);
    }
    expect(graph.profile()[0]).toMatchObject({ name: 'block', sessions: 1, shapes: 3 });
    ours.dispose();
  });

  it('keep neither tensors nor sessions of the binding', async () => {
    const binding = loadTensorFlow(1);
    const before = [binding.getNumOfTensors(), binding.getNumOfSavedModels()];
    const weight = floats([4, 4]);
    const program = graph.compile((x: Tensor) => tf.matMul(x, weight), { name: 'weighed' });
    const x = floats([2, 4]);
    for (let i = 0; i < 3; i++) (await program(x)).dispose();
    expect(binding.getNumOfSavedModels()).toBe(before[1]! + 1);
    program.dispose();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect([binding.getNumOfTensors(), binding.getNumOfSavedModels()]).toEqual(before);
    tf.dispose([x, weight]);
  });
});
