import { createClient, type Client } from '@tessera/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPng } from '../testing/page-reader.ts';
import { servePage, skipped, type ServedPage } from '../testing/serve-page.fixture.ts';

/* Pictures of other sizes than the model's own in the Edit room, against the real server. */

let served: ServedPage;
let client: Client;

beforeAll(async () => {
  if (skipped) return;
  served = await servePage('edit-sizes');
  client = createClient({ url: served.api.url });
});

afterAll(async () => {
  await client?.close();
  await served?.close();
});

/** The newest generation, once it has ended. */
async function newest() {
  const { nodes } = await client.generations({ first: 1 });
  for await (const event of client.events(nodes[0]!.id)) void event;
  const generation = await client.generation(nodes[0]!.id);
  if (generation.__typename !== 'Generation') throw new Error('There is no such generation.');
  return generation;
}

describe.skipIf(skipped)('editing a picture of another size', () => {
  it('keeps its size, under a grid of its own, and every pixel that is not marked', async () => {
    const asked = {
      model: 'digits-var',
      images: [{ condition: { label: 7 } }],
      seed: 1,
      size: { width: 48, height: 32 },
    };
    const made = await client.createGeneration(asked);
    if (made.__typename !== 'CreateGenerationPayload') throw new Error(made.message);
    const given = await newest();
    const page = await served.browser.newPage();
    await page.goto(`${served.api.url}/edit/${given.id}?image=0`);
    const size = page.getByRole('form', { name: 'What to draw there' }).getByLabel('Size', { exact: true });
    expect(await size.inputValue()).toBe('48x32');
    await page.getByRole('application').focus();
    for (const key of ['PageDown', 'Shift+End', 'x']) await page.keyboard.press(key);
    // Half of the rows below, all of 12 columns.
    const freed = () => page.locator('.edit-stage').getAttribute('data-freed');
    await expect.poll(freed).toBe('12');
    // Another size is a choice: the picture is then cut to it, under another grid.
    for (const [other, columns] of [
      ['32x32', '8'],
      ['48x32', '12'],
    ] as const) {
      await size.selectOption(other);
      await expect.poll(freed).toBe(columns);
    }
    await page.getByRole('application').focus();
    await page.keyboard.press('Control+Enter');
    await page.locator('.edit-row[data-status=completed]').first().waitFor({ timeout: 60_000 });
    const edited = await newest();
    expect(edited).toMatchObject({ size: { width: 48, height: 32 }, modelName: 'digits-var' });
    const pictureOf = ({ images }: typeof given) => readPng(page, images[0]!.picture!.url);
    const [before, after] = [await pictureOf(given), await pictureOf(edited)];
    expect([after.width, after.height]).toEqual([48, 32]);
    const kept = before.reds.flatMap((red, at) => (red === after.reds[at] ? [] : [Math.floor(at / 48)]));
    // Only in one row of tokens, of 4 x 4 pixels each, does anything differ.
    expect(new Set(kept.map((y) => Math.floor(y / 4))).size).toBe(1);
  });
});
