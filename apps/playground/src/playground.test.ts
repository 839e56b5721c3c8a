import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { browserArguments, findBrowser } from '@tessera/chromium';
import { chromium, type Browser, type Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Model } from './api/operations.ts';
import { optionFields } from './settings/options.tsx';
import { areComparable } from './settings/settings.ts';
import { keys, listModels, startApi, type ApiProcess, type ListedModel } from './testing/api-process.ts';
import { largePictures, readPictures, stepColours, written } from './testing/page-reader.ts';

/* The page, built as it ships, in a real browser, against the real server with every model that it has. */

const skipped = process.env['TESSERA_BROWSER'] === 'none';
const folder = mkdtempSync(join(tmpdir(), 'tessera-playground-'));
const environment = { TESSERA_DATA: join(folder, 'data'), TESSERA_PLAYGROUND: join(folder, 'page') };
let api: ApiProcess;
let browser: Browser;
let page: Page;
let models: readonly ListedModel[];
let complaints: string[];

beforeAll(async () => {
  if (skipped) return;
  browser = await chromium.launch({ executablePath: findBrowser(), args: browserArguments });
  const root = fileURLToPath(new URL('..', import.meta.url));
  await build({ root, logLevel: 'warn', build: { outDir: environment.TESSERA_PLAYGROUND, emptyOutDir: true } });
  api = await startApi({ ...environment, PORT: '0' });
  models = await listModels(api.url);
}, 120_000);

beforeEach(async () => {
  if (skipped) return;
  complaints = [];
  page = await browser.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(api.url);
  await page.waitForSelector('form');
});

afterEach(() => page?.close());

afterAll(async () => {
  await browser?.close();
  await api?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const button = (name: string) => page.getByRole('button', { name, exact: true });
const field = (name: string) => page.getByLabel(name, { exact: true });
const comparable = ([first, ...others]: readonly Model[]) => others.filter((model) => areComparable(first!, model));

/** Until every generation on the page has one of these states. */
async function status(...wanted: string[]): Promise<void> {
  const reached = (states: string[]) => {
    const all = [...document.querySelectorAll<HTMLElement>('.progress')];
    return all.length > 0 && all.every((one) => states.includes(one.dataset['status']!));
  };
  await page.waitForFunction(reached, wanted, { timeout: 60_000 });
}

/** Few classes are buttons, many a list. */
async function pickClass(label: number): Promise<void> {
  const list = page.locator('select#class');
  if ((await list.count()) > 0) await list.selectOption(String(label));
  else await page.getByRole('radio').nth(label).check();
}

async function generate(model: ListedModel | undefined, images: number): Promise<void> {
  if (model) await field('Model').selectOption(model.name);
  await field('Images').fill(String(images));
  await button('Generate').click();
  await status('completed');
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
}

describe.skipIf(skipped)('the playground', () => {
  it('has a field with the right value and help for every option of every model', async () => {
    for (const model of models) {
      await field('Model').selectOption(model.name);
      await page.getByText('Options', { exact: true }).click();
      const fields = optionFields(model.options);
      expect(await page.locator('details input, details select').count()).toBe(fields.length);
      for (const { label, help, kind, fallback } of fields) {
        const value = kind === 'check' ? await field(label).isChecked() : await field(label).inputValue();
        expect(String(value), `${model.name}: ${label}`).toBe(String(fallback));
        if (help) expect(await page.locator('.hint', { hasText: help }).count()).toBeGreaterThan(0);
      }
    }
    expect(complaints).toEqual([]);
  });

  it('shows every step and the finished images of a class, and again after a reload', async () => {
    for (const model of models) {
      await field('Model').selectOption(model.name);
      await pickClass(3);
      await field('Seed').fill('42');
      await generate(model, 2);
      expect(await page.locator('.card').count()).toBe(2);
      const finished = await largePictures(page);
      const { searchParams } = new URL(page.url());
      expect([searchParams.get('seed'), searchParams.getAll('generation').length]).toEqual(['42', 1]);
      await page.reload();
      await status('completed');
      expect(await largePictures(page)).toEqual(finished);
      expect([await field('Seed').inputValue(), await field('Model').inputValue()]).toEqual(['42', model.name]);
    }
    expect(complaints).toEqual([]);
  }, 120_000);

  it('shows how the server is, every two seconds, while what runs goes on', async () => {
    const [model] = models;
    await generate(model, 1);
    const finished = await largePictures(page);
    await page.getByRole('link', { name: 'Server' }).click();
    const row = page.getByRole('row', { name: /ready/ });
    await row.getByText(`${model!.name} ·`).waitFor();
    expect(await page.getByText('workers ready').locator('..').innerText()).toContain('1 of 1');
    expect(await page.locator('form').isVisible()).toBe(false);
    const points = async () => (await page.locator('polyline').first().getAttribute('points'))!.split(' ').length;
    const before = await points();
    await expect.poll(points, { timeout: 10_000 }).toBeGreaterThan(before);
    await page.getByRole('link', { name: 'Create' }).click();
    await status('completed');
    expect(await largePictures(page)).toEqual(finished);
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`${api.url}/server`);
    await row.waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    expect(complaints).toEqual([]);
  }, 60_000);

  it('goes through the steps by keys and by frames', async () => {
    for (const model of models) {
      await generate(model, 1);
      const finished = await largePictures(page);
      const scrubber = page.getByRole('slider', { name: `Step of ${model.title}` });
      const steps = Number(await scrubber.getAttribute('max'));
      expect(await scrubber.getAttribute('aria-valuetext')).toBe('Finished');
      await scrubber.press('Home');
      expect(await scrubber.getAttribute('aria-valuetext')).toBe(`Step 1 of ${steps}`);
      expect(await largePictures(page)).not.toEqual(finished);
      await scrubber.press('ArrowRight');
      expect(await scrubber.getAttribute('aria-valuetext')).toBe(`Step 2 of ${steps}`);
      await button('Finished').press('Enter');
      expect(await largePictures(page)).toEqual(finished);
      await button(`Step ${steps}`).press('Enter');
      expect(await scrubber.inputValue()).toBe(String(steps - 1));
    }
    expect(complaints).toEqual([]);
  }, 120_000);

  it('shows over every image which tokens came when', async () => {
    for (const model of models) {
      await generate(model, 2);
      await page.getByLabel('Show the order of tokens').check();
      const scrubber = page.getByRole('slider', { name: `Step of ${model.title}` });
      const steps = Number(await scrubber.getAttribute('max'));
      expect(await written(page)).toEqual([model.tokens, model.tokens]);
      expect(await stepColours(page)).toBe(steps);
      await scrubber.press('Home');
      const first = await written(page);
      expect(first[0]).toBeGreaterThan(0);
      expect(await page.locator('.card .newest .cell').count()).toBe(first[0]! + first[1]!);
      await scrubber.press('ArrowRight');
      expect((await written(page))[0]).toBeGreaterThan(first[0]!);
      expect(await stepColours(page)).toBe(2);
      await page.getByLabel('Show the order of tokens').uncheck();
      expect(await page.locator('.cell').count()).toBe(0);
    }
    expect(complaints).toEqual([]);
  }, 120_000);

  it('compares models of the same classes from one seed, and offers it only where there are some', async () => {
    const others = comparable(models);
    expect(await page.getByRole('group', { name: 'Compare with' }).count()).toBe(others.length > 0 ? 1 : 0);
    for (const { title } of others) {
      await field(title).check();
      expect(await field(title).boundingBox()).toMatchObject({ width: 18, height: 18 });
    }
    await field('Seed').fill('7');
    await generate(undefined, 2);
    const titles = [models[0]!, ...others].map(({ title }) => title);
    expect(await page.locator('.run h2').allTextContents()).toEqual(titles);
    for (const title of titles) {
      const run = page.getByRole('region', { name: title, exact: true });
      expect(await run.locator('figcaption span').filter({ hasText: /^seed/ }).allTextContents()).toEqual([
        'seed 7',
        'seed 8',
      ]);
    }
    const pictures = await largePictures(page);
    expect(new Set(pictures).size).toBe(2 * titles.length);
    await page.reload();
    await status('completed');
    expect(await largePictures(page)).toEqual(pictures);
    expect(complaints).toEqual([]);
  }, 120_000);

  it('shows the strip of an image in one row, without an empty picture, ending near the finished image', async () => {
    for (const model of models) {
      await generate(model, 4);
      for (const strip of await page.locator('.strip').all()) {
        const tops = await strip
          .locator('button')
          .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
        expect(new Set(tops).size).toBe(1);
        const pictures = await strip.locator('img').evaluateAll(readPictures);
        for (const pixels of pictures) expect(Math.max(...pixels)).toBeGreaterThan(Math.min(...pixels));
        // Previews by a linear map are smaller and only roughly alike.
        if (model.defaults.preview !== 'DECODED') continue;
        const [last, finished] = pictures.slice(-2) as [number[], number[]];
        expect(last.length).toBe(finished.length);
        const difference = finished.reduce((sum, value, index) => sum + Math.abs(value - last[index]!), 0);
        expect(difference / finished.length).toBeLessThan(8);
      }
    }
    expect(complaints).toEqual([]);
  }, 120_000);

  it('shows what the server refuses in its own words', async () => {
    await page.goto(`${api.url}/?generation=gone`);
    const said = await page.getByRole('alert').locator('p').textContent();
    expect(said).toContain('gone');
    expect(await button('Generate').isEnabled()).toBe(true);
  });

  it('says that the class in the address is none, until one is picked', async () => {
    await page.goto(`${api.url}/?label=nothing`);
    await page.getByText('“nothing”, which this model does not have').waitFor();
    await pickClass(1);
    expect(await page.getByText('“nothing”').count()).toBe(0);
    expect(new URL(page.url()).searchParams.get('label')).toBe('1');
  });

  it('can be canceled, and is ready again', async () => {
    await field('Images').fill('64');
    await button('Generate').click();
    await button('Cancel').click();
    await status('canceled', 'completed');
    expect(await page.locator('.waiting').count()).toBe(0);
    expect(await button('Generate').isEnabled()).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('says what to do when the server is gone, and goes on when it is back', async () => {
    await field('Images').fill('1');
    await api.kill();
    await button('Generate').click();
    await page.getByRole('alert').getByText('npm start').waitFor();
    api = await startApi({ ...environment, PORT: new URL(api.url).port });
    await button('Try again').click();
    await status('completed');
  }, 120_000);

  it('asks for the key of a server that needs one, and keeps it as long as the tab', async () => {
    const { port } = new URL(api.url);
    await api.kill();
    const secret = await keys(environment, 'page', 'create', '--admin');
    api = await startApi({ ...environment, PORT: port, TESSERA_AUTH: 'keys' });
    await page.reload();
    const asked = page.getByRole('heading', { name: 'This server asks for a key' });
    await asked.waitFor();
    const enter = async (key: string) => {
      await field('Key').fill(key);
      await field('Key').press('Enter');
    };
    await enter(`${secret.slice(0, -4)}AAAA`);
    await page.getByText('This key is wrong or was revoked').waitFor();
    expect(await field('Key').getAttribute('type')).toBe('password');
    await enter(` ${secret} `);
    await generate(models[0], 2);
    const { length } = await largePictures(page);
    await page.reload();
    await status('completed');
    expect([length, (await largePictures(page)).length, page.url().includes('tsr_')]).toEqual([2, 2, false]);
    await page.getByRole('link', { name: 'Server' }).click();
    await page.getByRole('row', { name: /ready/ }).waitFor();

    await button('Forget key').click();
    await asked.waitFor();
    await page.reload();
    await asked.waitFor();
    expect(await page.getByRole('row').count()).toBe(0);
    await enter(secret);
    await page.getByRole('row', { name: /ready/ }).waitFor();
    // The first server ended while the page was open.
    expect(complaints.filter((said) => !/401|ERR_CONNECTION/.test(said))).toEqual([]);
  }, 120_000);
});
