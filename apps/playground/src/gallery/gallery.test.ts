import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { browserArguments, findBrowser } from '@tessera/chromium';
import { createClient, type Client } from '@tessera/client';
import { unzipSync } from 'fflate';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { textOf } from '../save/png-text.ts';
import { startApi, type ApiProcess } from '../testing/api-process.ts';
import { findings } from '../testing/axe.ts';
import { builtPage } from '../testing/built-page.fixture.ts';
import { dropFile } from '../testing/drop-file.ts';
import { longestTasks } from '../testing/longest-tasks.ts';
import { multiplyGenerations } from '../testing/many-generations.fixture.ts';

/* The gallery of a real server with 500 generations, in a real browser. */

const skipped = process.env['TESSERA_BROWSER'] === 'none';
const folder = mkdtempSync(join(tmpdir(), 'tessera-gallery-'));
const data = join(folder, 'data');
const MANY = 500;
let api: ApiProcess;
let client: Client;
let browser: Browser;
let page: Page;
let complaints: string[];

/** One generation of four sevens and one of a three; then copies of them. */
async function fill(): Promise<void> {
  const made = await Promise.all(
    Object.entries({ 7: 4, 3: 1 }).map(([label, count]) => {
      const images = [{ condition: { label: Number(label) }, count }];
      return client.createGeneration({ model: 'digits-var', images, seed: 40 + count });
    }),
  );
  for (const one of made) {
    if (one.__typename !== 'CreateGenerationPayload') throw new Error(one.message);
    await client.finished(one.generation.id);
  }
}

beforeAll(async () => {
  if (skipped) return;
  const environment = { TESSERA_DATA: data, TESSERA_PLAYGROUND: await builtPage('shipped'), PORT: '0' };
  api = await startApi(environment);
  client = createClient({ url: api.url });
  await fill();
  await client.close();
  await api.kill();
  await multiplyGenerations(data, MANY);
  api = await startApi(environment);
  client = createClient({ url: api.url });
  browser = await chromium.launch({ executablePath: findBrowser(), args: browserArguments });
});

beforeEach(async () => {
  if (skipped) return;
  complaints = [];
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${api.url}/gallery`);
  await page.locator('.tile img.there').first().waitFor();
});

afterEach(async () => {
  await page?.close();
  expect(complaints).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await client?.close();
  await api?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const button = (name: string) => page.getByRole('button', { name, exact: true });
const newest = async () => (await client.generations({ first: 1 })).nodes[0]!;
const focused = () =>
  page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.tagName);

async function saved(name: string): Promise<Uint8Array> {
  const [download] = await Promise.all([page.waitForEvent('download'), button(name).click()]);
  return new Uint8Array(readFileSync(await download.path()));
}

describe.skipIf(skipped)('the gallery', () => {
  it('holds only what is in view of 500 generations, and no task takes long while they are scrolled through', async () => {
    await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] });
    let most = 0;
    await page.mouse.move(400, 500);
    const end = page.getByText('That is all.');
    while (!(await end.isVisible())) {
      await page.mouse.wheel(0, 1500);
      await page.waitForTimeout(40);
      most = Math.max(most, await page.locator('.tile').count());
    }
    const days = await page.getByRole('heading', { level: 2 }).allInnerTexts();
    expect(days.some((day) => / (October|November) ?/.test(day))).toBe(true);
    expect(most).toBeLessThan(60);
    const longest = longestTasks(await browser.stopTracing());
    expect(longest[0], `tasks of ${longest.map(Math.round).join(', ')} ms`).toBeLessThan(50);
  });

  it('finds last week by its day, and says what of an address it does not understand', async () => {
    const lastWeek = new Date(Date.now() - 7 * 86_400_000);
    const two = (part: number) => String(part).padStart(2, '0');
    const day = `${lastWeek.getFullYear()}-${two(lastWeek.getMonth() + 1)}-${two(lastWeek.getDate())}`;
    await page.getByLabel('Go to day').fill(day);
    const name = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long' }).format(lastWeek);
    await expect.poll(() => page.getByRole('heading', { level: 2 }).first().innerText()).toBe(name.replace(',', ''));
    expect(new URL(page.url()).search).toBe(`?day=${day}`);
    await page.getByLabel('State').selectOption('Failed');
    await page.getByText(`No picture like that was made by ${day}.`).waitFor();
    await page.goto(`${api.url}/gallery?state=done&model=var-d16`);
    await page.getByRole('alert').getByText('state “done”').waitFor();
    expect(await page.getByLabel('Model').inputValue()).toBe('var-d16');
    await page.getByRole('link', { name: 'Show all' }).click();
    await page.locator('.tile img.there').first().waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('is worked by keys alone: arrows move, F marks, Delete deletes with undo, Enter opens', async () => {
    const { id } = await newest();
    await page.locator('.tile').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('f');
    expect(await focused()).toMatch(/digits-var, finished, .*favourite$/);
    await page.keyboard.press('End');
    await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(500);
    expect(await focused()).toContain('digits-var');
    await page.keyboard.press('Home');
    await page.keyboard.press('Delete');
    await page.getByText('Deleted.').waitFor();
    expect(await focused()).toContain('favourite');
    await button('Undo').click();
    await page.getByText('Deleted.').waitFor({ state: 'detached' });
    expect((await newest()).id).toBe(id);
    await page.getByLabel('Favourites').check();
    await expect.poll(() => page.locator('.tile').count()).toBe(1);
    await page.reload();
    await expect.poll(() => page.locator('.tile').count()).toBe(1);
    await page.locator('.tile').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => new URL(page.url()).pathname).toMatch(/^\/g\//);
  });

  it('chooses several: by keys to delete and undo, by the mouse to save and to compare two', async () => {
    const chosen = page.getByRole('complementary', { name: 'What is chosen' });
    const tiles = page.locator('.tile');
    await tiles.first().focus();
    await page.keyboard.press(' ');
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    await chosen.getByRole('heading', { name: '3 chosen' }).waitFor();
    expect(await focused()).toMatch(/, chosen$/);
    expect(await page.locator('[role="gridcell"][aria-selected="true"]').count()).toBe(3);
    const before = (await tiles.first().getAttribute('aria-label'))!.replace(', chosen', '');
    await page.keyboard.press('Delete');
    await page.getByText('3 deleted.').waitFor();
    expect(await chosen.count()).toBe(0);
    expect(await focused()).toContain('digits-var');
    await page.keyboard.press('Control+z');
    await expect.poll(() => tiles.first().getAttribute('aria-label')).toBe(before);

    await page.locator('.tile', { hasText: '4 pictures' }).first().click();
    await page
      .locator('.tile')
      .filter({ hasNotText: 'pictures' })
      .first()
      .click({ modifiers: ['Control'] });
    await chosen.getByRole('heading', { name: '2 chosen' }).waitFor();
    const zip = unzipSync(await saved('Save 5 pictures'));
    expect(Object.keys(zip).length).toBe(5);
    expect(await findings(page)).toEqual([]);
    await button('Compare both').click();
    await expect.poll(() => page.locator('.gallery-pair canvas').count()).toBe(2);
    await page.keyboard.press('Control+a');
    await chosen.waitFor();
    await page.keyboard.press('Escape');
    await chosen.waitFor({ state: 'detached' });
  });

  it('is worked by touch on a phone: a tap chooses, once choosing has begun', async () => {
    await page.close();
    page = await browser.newPage({ viewport: { width: 390, height: 844 }, hasTouch: true });
    await page.goto(`${api.url}/gallery`);
    await button('Choose several').tap();
    for (const place of [0, 2]) await page.locator('.tile').nth(place).tap();
    await page.getByRole('heading', { name: '2 chosen' }).waitFor();
    const names = await page.locator('.tile[aria-label$="chosen"]').allInnerTexts();
    expect(names.length).toBe(2);
    await button('☆ Favourites').tap();
    expect(await page.locator('.tile[aria-label$="favourite, chosen"]').count()).toBe(2);
    await button('★ Favourites').tap();
    await button('Delete 2').tap();
    await button('Undo').tap();
    await button('Choose several').waitFor();
    await page.locator('.tile').first().tap();
    await page
      .getByRole('complementary', { name: 'The picture that is picked' })
      .getByRole('link', { name: 'Open' })
      .tap();
    await expect.poll(() => new URL(page.url()).pathname).toMatch(/^\/g\//);
  });

  it('finds words in the names of classes, of all pictures, and marks what was edited', async () => {
    await page.getByRole('searchbox', { name: 'Class' }).fill('3');
    await expect.poll(() => new URL(page.url()).search).toBe('?words=3');
    await expect.poll(() => page.locator('.tile').filter({ hasNotText: /^3/ }).count()).toBe(0);
    await expect.poll(() => page.locator('.tile').count()).toBeGreaterThan(10);
    await page.getByRole('searchbox', { name: 'Class' }).fill('whale');
    await page.getByText('No picture is like that.').waitFor();
    await page.goto(`${api.url}/gallery?words=7`);
    await page.locator('.tile img.there').first().waitFor();
    expect(await page.getByRole('searchbox', { name: 'Class' }).inputValue()).toBe('7');
    const { id } = (await newest()).images[0]!.picture!;
    const inside = { x0: 0, x1: 1, y0: 0.5, y1: 1 };
    const made = await client.createGeneration({
      model: 'digits-var',
      images: [{ condition: { label: 7 } }],
      edit: { image: id, region: { inside } },
    });
    if (made.__typename !== 'CreateGenerationPayload') throw new Error(made.message);
    await client.finished(made.generation.id);
    await button('Show 1 newer').click({ timeout: 20_000 });
    await page.locator('.tile', { hasText: 'edited' }).click();
    await page.getByText('Edited', { exact: true }).waitFor();
    expect(await focused()).toContain('Picture of 7, edited, seed');
  });

  it('deletes when the page is left before the time for undoing has passed', async () => {
    const { id } = await newest();
    await page.locator('.tile').first().focus();
    await page.keyboard.press('Delete');
    await page.getByText('Deleted.').waitFor();
    await page.goto('about:blank');
    await expect.poll(async () => (await client.generation(id)).__typename).toBe('NotFound');
  });

  it('shows two side by side, with the settings that differ; axe finds nothing', async () => {
    await page.locator('.tile', { hasText: '4 pictures' }).first().click();
    const looks = [
      [360, 'dark'],
      [1440, 'dark'],
      [1440, 'light'],
      [360, 'light'],
    ] as const;
    for (const [width, colorScheme] of looks) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      expect([width, colorScheme, await findings(page)]).toEqual([width, colorScheme, []]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await button('Compare with another').click();
    await page.locator('.tile').filter({ hasNotText: 'pictures' }).first().click();
    await expect.poll(() => page.locator('.gallery-pair canvas').count()).toBe(2);
    const differing = await page.locator('.gallery-settings .differs th').allInnerTexts();
    expect(differing.map((name) => name.replace(/\s*\(differs\)/, ''))).toEqual(['Class', 'Seed']);
  });

  it('saves a picture, all, and the steps; dropping the picture brings its settings back', async () => {
    await page.locator('.tile', { hasText: '4 pictures' }).first().click();
    await button('Picture 2: 7, seed 45').click();
    const png = await saved('Picture');
    const recipe: unknown = JSON.parse((await textOf(png, 'tessera'))!);
    expect(recipe).toMatchObject({ tessera: 1, model: 'digits-var', label: 7, class: '7', image: 1, seed: 45 });
    const zip = unzipSync(await saved('All 4'));
    expect(Object.keys(zip)).toEqual([44, 45, 46, 47].map((seed) => `digits-var-7-seed${seed}.png`));
    expect(zip['digits-var-7-seed45.png']).toEqual(png);
    const gif = Buffer.from(await saved('Steps as GIF'));
    expect([gif.toString('latin1', 0, 6), gif.readUInt16LE(6), gif.readUInt16LE(8)]).toEqual(['GIF89a', 256, 256]);
    // Each frame has one block of control: the five scales, and the picture.
    expect(gif.toString('latin1').split('\x21\xf9\x04').length - 1).toBe(6);

    await page.evaluate(dropFile, { bytes: [...png], name: 'seven.png', type: 'image/png' });
    await page.getByText('The settings of “seven.png” are here again: digits-var, 7, seed 45.').waitFor();
    const { pathname, searchParams } = new URL(page.url());
    expect([pathname, searchParams.get('model'), searchParams.get('seed')]).toEqual(['/', 'digits-var', '45']);
    await page.evaluate(dropFile, { bytes: [1, 2, 3], name: 'notes.txt', type: 'text/plain' });
    await page.getByText('“notes.txt” is no picture.').waitFor();
    const bare = await client.download({ url: (await newest()).images[0]!.picture!.url });
    await page.evaluate(dropFile, { bytes: [...bare], name: 'bare.png', type: 'image/png' });
    await page.getByText('“bare.png” has no settings in it').waitFor();
    await button('Edit this picture').click();
    await expect.poll(() => new URL(page.url()).pathname).toBe('/edit');
  });
});
