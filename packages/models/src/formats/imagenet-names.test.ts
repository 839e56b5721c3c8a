import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseClass } from '@tessera/request';
import type { Edit, RewrittenTrainer } from '../testing/rewritten-trainer.ts';
import { openTrainer } from '../testing/rewritten-trainer.ts';
import { imagenetNames } from './imagenet-names.ts';
import { importModel } from './import-model.ts';

let trainer: RewrittenTrainer;
beforeAll(async () => void (trainer = await openTrainer()));
afterAll(() => trainer.dispose());

/** VAR's embeddings of so many classes, and of none. */
const ofClasses =
  (count: number): Edit =>
  (tensor) =>
    tensor.name === 'class_emb.weight'
      ? { name: tensor.name, dtype: 'float32', shape: [count + 1, 32], bytes: () => new Uint8Array((count + 1) * 128) }
      : tensor;

describe("ImageNet's names", () => {
  it('stand in the order of the published labels', async () => {
    const names = await imagenetNames();
    expect(names).toHaveLength(1000);
    expect(names.every((name) => typeof name === 'string' && name.length > 1)).toBe(true);
    expect([0, 207, 281, 417, 980, 999].map((label) => names[label])).toEqual([
      'tench, Tinca tinca',
      'golden retriever',
      'tabby, tabby cat',
      'balloon',
      'volcano',
      'toilet tissue, toilet paper, bathroom tissue',
    ]);
  });

  it('choose classes one by one, and refuse what means two', async () => {
    const named = { who: 'var', classes: await imagenetNames() };
    expect(
      ['golden retriever', 'tabby', 'Tinca tinca', 'missile', '999'].map((word) => chooseClass(word, named)),
    ).toEqual([207, 281, 0, 657, 999]);
    expect(() => chooseClass('crane', named)).toThrow(/number:134 \(crane\), number:517 \(crane\)/);
    expect(() => chooseClass('panda', named)).toThrow(/number:387 .*number:388/);
    expect(() => chooseClass('golden retreiver', named)).toThrow(/Did you mean golden retriever\?/);
  });

  it('are those of an imported model of 1000 classes that says nothing else, with a remark', async () => {
    const transformer = await trainer.written({ edit: ofClasses(1000) });
    const { manifest, remarks } = await importModel(trainer.request({ transformer }));
    expect(manifest.classes).toEqual(await imagenetNames());
    expect(remarks.join()).toContain('the 1000 classes are those of ImageNet');
    const own = Array.from({ length: 1000 }, (_, label) => `bird ${label}`);
    const named = await importModel(trainer.request({ transformer, classes: own }));
    expect([named.manifest.classes, named.remarks.join()]).toEqual([own, expect.not.stringContaining('ImageNet')]);
    const fewer = await importModel(trainer.request({ transformer: await trainer.written({ edit: ofClasses(999) }) }));
    expect(fewer.manifest.classes.slice(0, 2)).toEqual(['0', '1']);
    expect(fewer.remarks.join()).not.toContain('ImageNet');
  });
});
