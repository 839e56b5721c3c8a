import { fileURLToPath } from 'node:url';
import process from 'node:process';
import { browserArguments, findBrowser } from '@tessera/chromium';
import { chromium, type Browser, type Page } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PicturePart } from './picture-part.ts';

const skipped = process.env['TESSERA_BROWSER'] === 'none';
const origin = 'http://tessera.test';
let browser: Browser;
let page: Page;
let script: string;
let styles: string;
/** What the server does with a request of a picture. */
let answer: (path: string) => Buffer | null | Promise<Buffer | null>;
let asked: string[];

beforeAll(async () => {
  if (skipped) return;
  browser = await chromium.launch({ executablePath: findBrowser(), args: browserArguments });
  const input = fileURLToPath(new URL('step-picture-page.tsx', import.meta.url));
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const options = { write: false, rolldownOptions: { input }, assetsInlineLimit: 0 };
  const { output } = (await build({ root, logLevel: 'warn', build: options })) as Rolldown.RolldownOutput;
  script = output.find((file) => file.type === 'chunk' && file.isEntry)!.fileName;
  const files = new Map(output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : String(file.source)]));
  styles = [...files].find(([name]) => name.endsWith('.css'))![1];
  script = files.get(script)!;
});

beforeEach(async () => {
  if (skipped) return;
  asked = [];
  page = await browser.newPage();
  await page.route(`${origin}/**`, async (route) => {
    const path = new URL(route.request().url()).pathname;
    if (path === '/') return route.fulfill({ contentType: 'text/html', body: `<style>${styles}</style><body>` });
    asked.push(path);
    const body = await answer(path);
    await (body ? route.fulfill({ contentType: 'image/png', body }) : route.abort());
  });
  await page.goto(origin);
  await page.addScriptTag({ type: 'module', content: script });
});

afterEach(() => page?.close());
afterAll(() => browser?.close());

const part = (url: string, index = 0, columns = 2): PicturePart => ({ url, columns, rows: columns, index });
const show = (parts: readonly (PicturePart | null)[], width = 32) =>
  page.evaluate((shown) => window.show(shown), { parts, width });

/** A picture of four squares in these shades of red. */
async function sprite(reds: readonly number[], side = 32): Promise<Buffer> {
  const url = await page.evaluate(
    ({ reds, side }) => {
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [2 * side, 2 * side];
      const context = canvas.getContext('2d')!;
      for (const [index, red] of reds.entries()) {
        context.fillStyle = `rgb(${red} 0 0)`;
        context.fillRect((index % 2) * side, Math.floor(index / 2) * side, side, side);
      }
      return canvas.toDataURL();
    },
    { reds, side },
  );
  return Buffer.from(url.split(',')[1]!, 'base64');
}

/** Of every canvas: side of its picture, the one red that it has everywhere or -1, side on the page, whether it is seen. */
const seen = () =>
  page.locator('canvas').evaluateAll((all) =>
    (all as HTMLCanvasElement[]).map((canvas) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      const reds = new Set(data.filter((_, i) => i % 4 === 0));
      const isSeen = getComputedStyle(canvas).visibility === 'visible';
      return [canvas.width, reds.size === 1 ? [...reds][0] : -1, canvas.getBoundingClientRect().width, isSeen];
    }),
  );

describe.skipIf(skipped)('StepPicture', () => {
  it('shows every image of a step from one file, by whole multiples of its dots', async () => {
    const file = await sprite([10, 20, 30, 40]);
    answer = () => file;
    await show([0, 1, 2, 3].map((image) => part('/step.png', image)));
    await expect.poll(seen).toEqual([10, 20, 30, 40].map((red) => [32, red, 96, true]));
    expect(asked).toEqual(['/step.png']);
    expect(await page.getByRole('img', { name: 'image 2' }).count()).toBe(1);
    const large = await sprite([50, 60, 70, 80], 256);
    answer = () => large;
    await show([part('/large.png', 3)], 256);
    await expect.poll(seen).toEqual([[256, 80, 100, true]]);
  });

  it('keeps the last picture while the next loads or fails, and tries again', async () => {
    const [first, second] = [await sprite([10, 20, 30, 40]), await sprite([50, 60, 70, 80])];
    let release: (answer: Buffer | null) => void = () => undefined;
    answer = () => first;
    await show([null]);
    expect(await seen()).toEqual([[32, 0, 96, false]]);
    await show([part('/a.png', 1)]);
    await expect.poll(seen).toEqual([[32, 20, 96, true]]);
    answer = () => new Promise((resolve) => (release = resolve));
    await show([part('/b.png', 1)]);
    await expect.poll(() => asked.length).toBe(2);
    expect(await seen()).toEqual([[32, 20, 96, true]]);
    answer = () => second;
    release(null);
    await expect.poll(() => asked.length).toBe(3);
    await expect.poll(seen).toEqual([[32, 60, 96, true]]);
    await show([null]);
    expect(await seen()).toEqual([[32, 60, 96, true]]);
  });

  it('shows what was asked for last, however late an earlier picture comes', async () => {
    const [slow, fast] = [await sprite([10, 20, 30, 40]), await sprite([50, 60, 70, 80])];
    let release: (answer: Buffer | null) => void = () => undefined;
    answer = (path) => (path === '/slow.png' ? new Promise((resolve) => (release = resolve)) : fast);
    await show([part('/slow.png')]);
    await expect.poll(() => asked.length).toBe(1);
    await show([part('/fast.png')]);
    await expect.poll(seen).toEqual([[32, 50, 96, true]]);
    release(slow);
    await page.waitForTimeout(200);
    expect(await seen()).toEqual([[32, 50, 96, true]]);
  });
});
