import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findings } from '../testing/axe.ts';
import { servePage, skipped, type ServedPage } from '../testing/serve-page.fixture.ts';

/* Comparing on a real server, in a real browser. */

let served: ServedPage;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  if (skipped) return;
  served = await servePage('compare');
}, 120_000);

beforeEach(async () => {
  if (skipped) return;
  complaints = [];
  page = await served.browser.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
});

afterEach(async () => {
  await page?.close();
  expect(complaints).toEqual([]);
});

afterAll(() => served?.close());

/** What every picture shows now, as its pixels. */
function pixels(): Promise<string[]> {
  return page
    .locator('.compare-pictures canvas')
    .evaluateAll((all) => all.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()));
}

const made = () => new URL(page.url()).searchParams.getAll('g');

describe.skipIf(skipped)('comparing', () => {
  it('draws models by classes from one seed, one scrubber for all, and the address brings all of it back', async () => {
    await page.goto(`${served.api.url}/compare?x=model&xs=digits-var&xs=digits-mar&y=label&ys=3&ys=7&seed=42`);
    await page.getByRole('button', { name: 'Compare 4 pictures' }).press('Enter');
    await expect.poll(() => made().length, { timeout: 60_000 }).toBe(4);
    const heads = page.getByRole('region', { name: 'Pictures' }).getByRole('columnheader');
    expect(await heads.allInnerTexts()).toEqual(['digits-var', 'digits-mar']);
    // The model of each first picture had to be loaded: it was made again, and both times are told.
    const cold = page.getByRole('columnheader', { name: 'First, with loading' });
    await cold.waitFor();
    const times = await page
      .locator('.compare-costs tbody tr')
      .evaluateAll((rows) =>
        rows.map((row) => [...row.querySelectorAll('td')].slice(0, 3).map((cell) => cell.textContent)),
      );
    expect(times.map(([warm]) => /^[\d.]+ (ms|s)/.test(warm!))).toEqual([true, true, true, true]);
    expect(times.map(([, first]) => first !== '–')).toEqual([true, true, false, false]);
    expect(times.map(([, , steps]) => steps)).toEqual(['5 least', '16', '5 least', '16']);

    const finished = await pixels();
    expect(new Set(finished).size).toBe(4);
    const scrubber = page.getByRole('slider', { name: 'Share of the steps' });
    await scrubber.press('Home');
    await page.getByText('Step 1 of 5').first().waitFor();
    expect(await page.getByText('Step 1 of 16').count()).toBe(2);
    await expect.poll(async () => (await pixels()).some((one, i) => one === finished[i])).toBe(false);
    await scrubber.press('End');
    await expect.poll(pixels).toEqual(finished);

    await page.reload();
    await expect.poll(() => page.locator('.compare-pictures [data-shown="drawn"]').count()).toBe(4);
    await expect.poll(pixels).toEqual(finished);
    expect(await cold.count()).toBe(0);
    expect(await findings(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await findings(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  }, 90_000);

  it('compares an option by keys alone, says what it leaves out, and that what is shown is of other settings', async () => {
    await page.goto(`${served.api.url}/compare?x=guidance&xs=1&xs=banana&model=digits-var&label=5&colour=red`);
    await page.getByText('The guidance “banana” is no number from 0 to 100').waitFor();
    await page.getByText('“colour=red” was left out').waitFor();
    const values = page.getByRole('textbox', { name: 'Across: values' });
    await values.fill('1, 3');
    await values.press('Enter');
    await page.getByRole('button', { name: 'Compare 2 pictures' }).press('Enter');
    await expect.poll(() => made().length, { timeout: 30_000 }).toBe(2);
    expect(new Set(await pixels()).size).toBe(2);
    await page.getByRole('main', { name: 'Compare' }).getByLabel('Class').selectOption('4');
    await page.getByText('The pictures below are of the settings before.').waitFor();
    expect(made()).toEqual([]);
  }, 60_000);
});
