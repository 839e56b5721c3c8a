import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelManifest } from './manifest.ts';
import { checkRequest, optionsSchema, planOf, refusalOf } from './outline.ts';
import { outlineModel } from './model-folder.ts';
import { classOf, type GuidancePlugin } from '@tessera/core';
import { defineGuidance } from '@tessera/plugin-kit';
import { imagesOfClasses } from '@tessera/request';
import { schema } from '@tessera/schema';

const shipped = fileURLToPath(new URL('../../../models/digits-var/model.json', import.meta.url));
const request = { images: imagesOfClasses([1]), seed: 0 };

/** A model.json and nothing else. */
let folder: string;
async function write(change: object = {}): Promise<void> {
  const manifest = JSON.parse(await readFile(shipped, 'utf8')) as ModelManifest;
  await writeFile(join(folder, 'model.json'), JSON.stringify({ ...manifest, ...change }));
}

beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'tessera-outline-'))));
afterAll(() => rm(folder, { recursive: true }));

describe('an outline', () => {
  it('tells the options without any weights: their bounds in this model, and its own defaults', async () => {
    await write();
    const { properties } = optionsSchema(await outlineModel(folder));
    expect(properties).toMatchObject({ topK: { maximum: 256, default: 0 }, topP: { maximum: 1, default: 0.95 } });
  });

  it('reads a request, and refuses one in the words of the model', async () => {
    await write();
    const outline = await outlineModel(folder);
    const checked = checkRequest(outline, { ...request, images: imagesOfClasses([1, 2]), options: { topK: 9 } });
    const { rows, options, guidance } = planOf(outline, checked);
    expect(rows).toEqual([
      { seed: 0, condition: classOf(1) },
      { seed: 1, condition: classOf(2) },
    ]);
    expect(options.head).toEqual({ topK: 9, topP: 0.95, smooth: false });
    expect(guidance.active).toBe(true);
    expect(() => checkRequest(outline, { ...request, options: { topK: 257 } })).toThrow(
      '[digits-var] got topK = 257; expected an integer from 0 to 256. Correct topK.',
    );
  });

  it('lets requests name a guidance of the project, with its options and in the scale of the model', async () => {
    await write();
    const early = defineGuidance({
      contract: 2,
      name: '@acme/early',
      mixes: ['logits'],
      options: () => schema.object({ share: schema.optional(schema.number({ min: 0, max: 1 }), 0.5) }),
      open: ({ weight, options: { share } }) => ({
        step: ({ index, of }) =>
          index < share * of
            ? {
                weight,
                mix:
                  () =>
                  ({ own_lX }) =>
                    own_lX,
              }
            : null,
      }),
    }) as GuidancePlugin;
    const ofNoise = { ...early, name: '@acme/noise', mixes: ['noise'] } as const;
    const outline = await outlineModel(folder, { guidances: [early, ofNoise] });
    expect(outline.remarks).toEqual(['@acme/noise is not offered: it mixes noise, and categorical predicts logits.']);
    const { properties } = optionsSchema(outline);
    expect(properties!['guidanceBy']!.enum).toEqual(['ramp', 'constant', 'linear', '@acme/early']);
    expect(properties!['share']!.onlyWith).toEqual({ guidanceBy: '@acme/early' });
    const weights = (options: Readonly<Record<string, unknown>>) => {
      const { guidance } = planOf(outline, checkRequest(outline, { ...request, guidance: 4, options }));
      const step = (index: number) => ({ index, of: 5, before: 5, after: 4, positions_Bl: new Int32Array(1) });
      return [0, 1, 2, 3, 4].map((index) => guidance.weight(step(index), outline.facts.layout));
    };
    expect(weights({})).toEqual([1, 2, 3, 4, 5]);
    expect(weights({ guidanceBy: 'constant' })).toEqual([5, 5, 5, 5, 5]);
    expect(weights({ guidanceBy: '@acme/early', share: 0.4 })).toEqual([5, 5, 1, 1, 1]);
    expect(() => weights({ share: 0.4 })).toThrow(expect.objectContaining({ code: 'option-unused' }));
    expect(() => weights({ guidanceBy: '@acme/early', share: 4 })).toThrow('share = 4; expected a number from 0 to 1');
    // Where the project has none, there is no choice.
    expect(optionsSchema(await outlineModel(folder)).properties).not.toHaveProperty('guidanceBy');
  });

  it('is refused for defaults that it does not take itself, in words that say where they stand', async () => {
    const own = { guidance: { kind: 'ramp', scale: 1 }, preview: 'none' };
    const place = `[${join(folder, 'model.json')} defaults]`;
    await write({ defaults: { ...own, options: { topK: 999 } } });
    await expect(outlineModel(folder)).rejects.toThrow(`${place} got topK = 999; expected an integer from 0 to 256`);
    await write({ defaults: { ...own, options: { steps: 8 } } });
    await expect(outlineModel(folder)).rejects.toThrow(`${place} got the unknown option steps`);
  });

  it('is refused with its folder, named once', () => {
    expect(refusalOf('/models/a', '[kl] got b.')).toBe('/models/a: [kl] got b.');
    expect(refusalOf('/models/a', '[/models/a/model.json] got b.')).toBe('[/models/a/model.json] got b.');
  });

  it('takes no guidance where the model has none, not even the scale that would do nothing', async () => {
    const own = { options: {}, preview: 'none' };
    await write({ defaults: { ...own, guidance: { kind: 'none', scale: 0 } } });
    const outline = await outlineModel(folder);
    expect(planOf(outline, checkRequest(outline, request)).guidance.active).toBe(false);
    expect(() => checkRequest(outline, { ...request, guidance: 0 })).toThrow(
      expect.objectContaining({ code: 'guidance-unsupported' }),
    );
  });
});
