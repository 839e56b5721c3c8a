import { createClient, type Client } from '@tessera/client';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GenerationEvent } from '../api/operations.ts';
import { findings } from '../testing/axe.ts';
import { servePage, skipped, type ServedPage } from '../testing/serve-page.fixture.ts';

/* The anatomy in the page as it ships, against what the real server tells of the shipped models. */

type Step = Extract<GenerationEvent, { __typename: 'StepEvent' }>;
let served: ServedPage;
let client: Client;
let page: Page;
let complaints: string[];
let pictures: string[];

beforeAll(async () => {
  if (skipped) return;
  served = await servePage('anatomy');
  client = createClient({ url: served.api.url });
});

beforeEach(async () => {
  if (skipped) return;
  complaints = [];
  pictures = [];
  page = await served.browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => request.url().includes('/images/') && pictures.push(request.url()));
});

afterEach(() => page?.close());

afterAll(async () => {
  await client?.close();
  await served?.close();
});

/** A finished generation of fives, and its steps. */
async function make(model: string, count: number, details = true) {
  const images = [{ condition: { label: 5 }, count }];
  const made = await client.createGeneration({ model, images, seed: 7, details });
  if (made.__typename !== 'CreateGenerationPayload') throw new Error(made.message);
  const { id } = made.generation;
  const steps: Step[] = [];
  for await (const event of client.events(id)) if (event.__typename === 'StepEvent') steps.push(event);
  return { id, steps };
}

const open = async (id: string, search: string) => {
  await page.goto(`${served.api.url}/g/${id}${search}`);
  await page.locator('.token-grid').waitFor();
  await page.waitForFunction(() => !document.querySelector('.anatomy [data-shown=waiting]'));
};
const sentence = () => page.locator('.step-sentence').innerText();
const grid = () => page.getByRole('slider', { name: /^Tokens/ });
const scrubber = () => page.getByRole('slider', { name: 'Step', exact: true });
/** All dots of a canvas of the anatomy as text, to be compared. */
const drawn = (selector: string) =>
  page
    .locator(`.anatomy ${selector}`)
    .first()
    .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());

describe.skipIf(skipped)('the anatomy', () => {
  it('tells of a scale of VAR what it added, and of each token what the server knows', async () => {
    const { id, steps } = await make('digits-var', 1);
    await open(id, '?step=2&layer=surprise');
    expect(await sentence()).toBe(
      'Scale 3 of 5: 9 tokens at once, one for each place of a 3 × 3 grid over the whole picture, predicted from the scales before and added to the picture so far.',
    );
    expect((await page.locator('.sum small').allInnerTexts()).map((text) => text.split(/[:.]/)[0])).toEqual([
      'the sum of scales 1 to 2',
      'Grey',
      'the sum of scales 1 to 3',
    ]);
    const scales = page.locator('.timeline button');
    const names = await scales.locator('> span').allTextContents();
    expect(names).toEqual(['1 × 1', '2 × 2', '3 × 3', '5 × 5', '8 × 8'].map((grid, at) => `Scale ${at + 1} ${grid}`));
    expect(await page.locator('.timeline [aria-current]').innerText()).toContain('3 × 3');

    const { codes, logProbabilities, topCodes } = steps[2]!.details!;
    await grid().focus();
    for (const key of ['ArrowRight', 'ArrowDown']) await page.keyboard.press(key);
    const told = await grid().getAttribute('aria-valuetext');
    expect(told).toContain(`Row 2, column 2 of 3 × 3, drawn in step 3 of 5: code ${codes![0]![4]}, `);
    expect(told).toContain(`surprise ${(-logProbabilities![0]![4]! / Math.LN2).toFixed(1)} bits`);
    expect(await page.locator('.token-facts > p').innerText()).toBe(told);
    const rows = await page.locator('.top-codes th').allInnerTexts();
    expect(rows.slice(0, topCodes![0]![4]!.length).map(Number)).toEqual(topCodes![0]![4]);
    expect(await page.locator('.top-codes [data-drawn=true] th').innerText()).toBe(String(codes![0]![4]));
    // The keys went through the tokens, not through the steps.
    expect(await scrubber().getAttribute('aria-valuetext')).toBe('step 3 of 5');

    const [before, added, after] = await Promise.all(
      ['.before', '.new', '.after'].map((one) => drawn(`${one} canvas`)),
    );
    expect(new Set([before, added, after]).size).toBe(3);
    const surprise = await drawn('.token-grid canvas');
    await page.getByLabel('Off', { exact: true }).check();
    expect(await drawn('.token-grid canvas')).not.toBe(surprise);
    await page.getByLabel('By entropy', { exact: true }).check();
    await expect.poll(() => new URL(page.url()).searchParams.get('layer')).toBe('entropy');
    for (const [width, colorScheme] of [
      [1440, 'dark'],
      [360, 'light'],
    ] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      expect(await findings(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
    await scales.nth(4).click();
    expect(await sentence()).toContain('Finished: 103 tokens in 5 steps');
    expect(complaints).toEqual([]);
  });

  it('shows how the holes of MAR fill, and says what is not known of continuous tokens', async () => {
    const { id, steps } = await make('digits-mar', 1);
    await open(id, '?step=6&layer=entropy');
    const count = steps[6]!.positions[0]!.length;
    const words = count === 1 ? 'one more token in a place' : `${count} more tokens in places`;
    expect(await sentence()).toBe(`Step 7 of 16: ${words} chosen at random.`);
    await page.locator('.layers .hint', { hasText: 'continuous tokens: they have no codes' }).waitFor();
    const written = steps.slice(0, 7).flatMap(({ positions }) => positions[0]!);
    const hole = Array.from({ length: 16 }, (_, position) => position).find((one) => !written.includes(one))!;
    await grid().focus();
    for (let i = 0; i < Math.floor(hole / 4); i++) await page.keyboard.press('ArrowDown');
    for (let i = 0; i < hole % 4; i++) await page.keyboard.press('ArrowRight');
    expect(await grid().getAttribute('aria-valuetext')).toMatch(/not drawn yet\.$/);
    const holes = await drawn('.token-grid canvas');
    await scrubber().press('End');
    expect(await sentence()).toContain('Finished: 16 tokens in 16 steps');
    expect(await drawn('.token-grid canvas')).not.toBe(holes);
    expect(complaints).toEqual([]);
  });

  it('asks for one picture a step, and says how to see what is told of fewer images', async () => {
    const { id, steps } = await make('digits-var', 20, false);
    await open(id, '?step=3&layer=surprise');
    await page.getByText('at most 19 images of this model at once: this run has 20').waitFor();
    for (let index = 0; index < steps.length; index++) await page.locator('.timeline button').nth(index).click();
    await page.waitForFunction(() => !document.querySelector('.anatomy [data-shown=waiting]'));
    const sprites = steps.map(({ sprite }) => new URL(sprite!.url, served.api.url).href);
    const previews = new Set(
      steps.flatMap((step) => step.previews!.map((one) => new URL(one!.url, served.api.url).href)),
    );
    expect(pictures.filter((url) => sprites.includes(url)).length).toBe(steps.length);
    expect(pictures.filter((url) => previews.has(url) && !sprites.includes(url)).length).toBeLessThanOrEqual(20);
    expect(complaints).toEqual([]);
  });
});
