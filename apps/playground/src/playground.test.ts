import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startApi, type ApiProcess } from './testing/api-process.ts';
import { browserArguments, findBrowser } from './testing/find-browser.ts';

/* The page, built as it ships, in a real browser, against the real server with a real model. */

const skipped = process.env['TESSERA_BROWSER'] === 'none';
const folder = mkdtempSync(join(tmpdir(), 'tessera-playground-'));
const environment = { TESSERA_DATA: join(folder, 'data'), TESSERA_PLAYGROUND: join(folder, 'page') };
let api: ApiProcess;
let browser: Browser;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  if (skipped) return;
  browser = await chromium.launch({ executablePath: findBrowser(), args: browserArguments });
  const root = fileURLToPath(new URL('..', import.meta.url));
  await build({ root, logLevel: 'warn', build: { outDir: environment.TESSERA_PLAYGROUND, emptyOutDir: true } });
  api = await startApi({ ...environment, PORT: '0' });
}, 120_000);

beforeEach(async () => {
  if (skipped) return;
  complaints = [];
  page = await browser.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(api.url);
});

afterEach(() => page?.close());

afterAll(async () => {
  await browser?.close();
  await api?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const status = (...wanted: string[]) =>
  page.waitForSelector(wanted.map((one) => `.progress[data-status=${one}]`).join(', '), { timeout: 45_000 });
const button = (name: string) => page.getByRole('button', { name, exact: true });

describe.skipIf(skipped)('the playground', () => {
  it('shows every scale and the finished images of a class, and again after a reload', async () => {
    await page.getByRole('radio').nth(3).check();
    await page.getByLabel('Images').fill('2');
    await page.getByLabel('Seed', { exact: true }).fill('42');
    await button('Generate').click();
    await status('completed');
    const scales = await page.locator('.times tbody tr').count();
    expect(scales).toBeGreaterThan(1);
    const cards = page.locator('.card');
    expect(await cards.count()).toBe(2);
    for (const card of await cards.all()) expect(await card.locator('.strip img').count()).toBe(scales + 1);
    await everyPictureLoaded();
    const finished = await largePictures();
    expect(new URL(page.url()).searchParams.get('seed')).toBe('42');
    expect(new URL(page.url()).searchParams.has('generation')).toBe(true);
    await page.reload();
    await status('completed');
    expect(await largePictures()).toEqual(finished);
    expect(await page.getByLabel('Seed', { exact: true }).inputValue()).toBe('42');
    expect(complaints).toEqual([]);
  });

  it('shows an earlier scale large when it is pressed', async () => {
    await button('Generate').click();
    await status('completed');
    const finished = await largePictures();
    await page.getByRole('button', { name: 'Scale 2', exact: true }).first().press('Enter');
    expect(await largePictures()).not.toEqual(finished);
    await page.getByRole('button', { name: 'Finished', exact: true }).first().press('Enter');
    expect(await largePictures()).toEqual(finished);
    expect(complaints).toEqual([]);
  });

  it('shows the strip of an image in one row, which ends near the finished image and is never black', async () => {
    await page.getByLabel('Images').fill('4');
    await button('Generate').click();
    await status('completed');
    await everyPictureLoaded();
    for (const strip of await page.locator('.strip').all()) {
      const tops = await strip
        .locator('button')
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
      expect(new Set(tops).size).toBe(1);
      const pictures = await strip.locator('img').evaluateAll(readPictures);
      for (const pixels of pictures) expect(Math.max(...pixels)).toBeGreaterThan(64);
      const [last, finished] = pictures.slice(-2) as [number[], number[]];
      expect(last.length).toBe(finished.length);
      const difference = finished.reduce((sum, value, index) => sum + Math.abs(value - last[index]!), 0);
      expect(difference / finished.length).toBeLessThan(8);
    }
    expect(complaints).toEqual([]);
  });

  it('can be canceled, and is ready again', async () => {
    await page.getByLabel('Images').fill('64');
    await button('Generate').click();
    await button('Cancel').click();
    await status('canceled', 'completed');
    expect(await button('Generate').isEnabled()).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('says what to do when the server is gone, and goes on when it is back', async () => {
    await page.getByLabel('Images').fill('1');
    await api.kill();
    await button('Generate').click();
    await page.getByRole('alert').getByText('npm start').waitFor();
    api = await startApi({ ...environment, PORT: new URL(api.url).port });
    await button('Try again').click();
    await status('completed');
  }, 120_000);
});

/** Red of every pixel, in the pictures' own sizes. Runs in the page. */
function readPictures(images: Element[]): number[][] {
  return (images as HTMLImageElement[]).map((image) => {
    const { naturalWidth: width, naturalHeight: height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d')!;
    context.drawImage(image, 0, 0);
    return [...context.getImageData(0, 0, width, height).data].filter((_, index) => index % 4 === 0);
  });
}

async function largePictures(): Promise<(string | null)[]> {
  const pictures = await page.locator('.frame img').all();
  return Promise.all(pictures.map((picture) => picture.getAttribute('src')));
}

async function everyPictureLoaded(): Promise<void> {
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
}
