import { expect, it } from 'vitest';
import { openData, dataFields } from './data-kinds.ts';

// Fetches 139 MB the first time.
it(
  'opens CIFAR-10: balanced classes, the known first labels and means',
  { tags: ['long'], timeout: 600_000 },
  async () => {
    const recipe = dataFields.parse({ kind: 'cifar10', validation: 1000, limit: 20_000 }, 'x');
    const { train, validation, test, classes } = await openData(recipe, { folder: '.', seed: 1 });
    expect([train.count, validation.count, test.count]).toEqual([20_000, 1000, 10_000]);
    expect(classes.map((_, label) => test.label_N.filter((own) => own === label).length)).toEqual(
      classes.map(() => 1000),
    );
    expect([...test.label_N.subarray(0, 10)]).toEqual([3, 8, 8, 0, 6, 6, 1, 6, 3, 1]);
    const pixels = await train.read(Int32Array.from({ length: 5000 }, (_, i) => i));
    const means = [0, 1, 2].map((c) => {
      let sum = 0;
      for (let i = c; i < pixels.length; i += 3) sum += pixels[i]!;
      return sum / (pixels.length / 3);
    });
    // The means of all training images that everybody uses: 0.4914, 0.4822, 0.4465.
    means.forEach((mean, c) => expect(Math.abs(mean - [0.4914, 0.4822, 0.4465][c]!)).toBeLessThan(0.005));
  },
);
