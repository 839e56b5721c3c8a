import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelManifest } from './manifest.ts';
import { checkRequest, optionsSchema, planOf, refusalOf } from './outline.ts';
import { outlineModel } from './model-folder.ts';
import { classOf } from '@tessera/core';
import { imagesOfClasses } from '@tessera/request';

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
