import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { browserArguments, findBrowser } from '@tessera/chromium';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type ApiProcess } from './testing/api-process.ts';
import { findings } from './testing/axe.ts';
import { builtPage } from './testing/built-page.fixture.ts';
import { longestTasks } from './testing/longest-tasks.ts';
import { generate, status } from './testing/page-reader.ts';

/* Figures of the page: how much it loads, how soon it shows, what it does to the main thread, and what axe finds. */

const skipped = process.env['TESSERA_BROWSER'] === 'none';
const folder = mkdtempSync(join(tmpdir(), 'tessera-figures-'));
let api: ApiProcess;
let browser: Browser;

beforeAll(async () => {
  if (skipped) return;
  browser = await chromium.launch({ executablePath: findBrowser(), args: browserArguments });
  const page = await builtPage('shipped');
  api = await startApi({ TESSERA_DATA: join(folder, 'data'), TESSERA_PLAYGROUND: page, PORT: '0' });
});

afterAll(async () => {
  await browser?.close();
  await api?.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** Kept by the page from its beginning. */
interface Watched {
  shift: number;
  longest: number;
}

/** A page that watches layout shifts and long tasks, and its requests for pictures. */
async function openWatched(): Promise<{ page: Page; pictures: string[]; bytes: () => number }> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const pictures: string[] = [];
  let bytes = 0;
  page.on('request', (request) => request.url().includes('/images/') && pictures.push(request.url()));
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  await page.addInitScript(() => {
    const watched = ((window as unknown as { watched: Watched }).watched = { shift: 0, longest: 0 });
    new PerformanceObserver((list) => {
      const shifts = list.getEntries() as unknown as { value: number; hadRecentInput: boolean }[];
      // As cumulative layout shift is defined: not what a person has just asked for.
      for (const { value, hadRecentInput } of shifts) if (!hadRecentInput) watched.shift += value;
    }).observe({ type: 'layout-shift', buffered: true });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) watched.longest = Math.max(watched.longest, duration);
    }).observe({ type: 'longtask', buffered: true });
  });
  return { page, pictures, bytes: () => bytes };
}

const watchedBy = (page: Page) => page.evaluate(() => (window as unknown as { watched: Watched }).watched);

describe.skipIf(skipped)('the page', () => {
  it('loads at most 90 kB, and holds still while 64 images come', async () => {
    const { page, pictures, bytes } = await openWatched();
    await page.goto(`${api.url}/?model=digits-mar`, { waitUntil: 'networkidle' });
    const painted = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity,
    );
    const scripts = await page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .filter(({ name }) => /\.(js|css)$/.test(name))
        .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).encodedBodySize, 0),
    );
    const loaded = bytes();
    await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] });
    await generate(page, { images: 64 });
    await status(page, 'completed');
    const steps = Number(await page.getByRole('slider', { name: 'Step', exact: true }).getAttribute('max'));
    const { shift, longest } = await watchedBy(page);
    const [processor] = longestTasks(await browser.stopTracing());
    const previews = pictures.length;
    const said = `${(scripts / 1000).toFixed(1)} kB of scripts and styles, ${(loaded / 1000).toFixed(1)} kB in all`;
    console.log(
      `${said}; first paint ${painted.toFixed(0)} ms; 64 images of ${steps} steps: ${previews} requests for pictures, ` +
        `layout shift ${shift.toFixed(3)}, longest task ${longest.toFixed(0)} ms, ` +
        `of the processor ${processor!.toFixed(0)} ms`,
    );
    expect(scripts).toBeLessThan(90_000);
    expect(shift).toBeLessThan(0.02);
    // What a task waits for, as other programs or the compositor, depends on the machine.
    expect(processor).toBeLessThan(50);
    // One a step, and each finished image once.
    expect(previews).toBeLessThanOrEqual(steps + 64);
    // That there is more below the image is seen without scrolling, and Generate beside the list of models.
    const edges = (name: string) => page.locator(name).evaluate((one) => one.getBoundingClientRect().toJSON());
    await page.locator('.models > summary').click();
    await page.locator('.model-list').waitFor();
    for (const [width, height] of [
      [1440, 900],
      [1280, 720],
    ] as const) {
      await page.setViewportSize({ width, height });
      expect((await edges('.anatomy h3')).bottom).toBeLessThan(height);
      expect((await edges('.settings .primary')).bottom).toBeLessThan(height);
    }
    await page.close();
  });

  it('is seen within 1.2 s on slow 4G, and its header is the same before and after its scripts are there', async () => {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    const session = await page.context().newCDPSession(page);
    const [downloadThroughput, uploadThroughput] = [1_600_000 / 8, 750_000 / 8];
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: 150, downloadThroughput, uploadThroughput },
    });
    await page.goto(api.url, { waitUntil: 'commit' });
    await page.locator('form.settings').waitFor();
    const [painted, usable] = await page.evaluate(() => [
      performance.getEntriesByName('first-contentful-paint')[0]!.startTime,
      performance.now(),
    ]);
    console.log(`slow 4G: first paint ${painted!.toFixed(0)} ms, form at ${usable!.toFixed(0)} ms`);
    expect(painted).toBeLessThan(1200);
    const links = () => page.locator('.page-header a').evaluateAll((all) => all.map((one) => one.outerHTML));
    const height = () => page.locator('.page-header').evaluate((one) => one.getBoundingClientRect().height);
    const rights = await page
      .locator('.page-header nav a')
      .evaluateAll((all) => all.map((a) => a.getBoundingClientRect().right));
    expect([rights.length, Math.max(...rights) <= 390]).toEqual([6, true]);
    const after = [(await links()).map((link) => link.replace(' aria-current="page"', '')), await height()];
    await page.route('**/*.js', (route) => route.abort());
    await page.reload();
    expect([await links(), await height()]).toEqual(after);
    await page.close();
  });

  const views = ['/', '/g/RESULT', '/edit', '/edit/RESULT', '/compare', '/gallery', '/plugins', '/server'];
  it.each(['light', 'dark'] as const)(
    'has nothing that axe finds, in any room: %s',
    async (colorScheme) => {
      const page = await browser.newPage({ colorScheme });
      await page.goto(api.url);
      await generate(page, { model: 'digits-var', images: 4 });
      await status(page, 'completed');
      const id = new URL(page.url()).pathname.split('/').at(-1)!;
      for (const width of [360, 1440]) {
        await page.setViewportSize({ width, height: 800 });
        for (const view of views) {
          await page.goto(api.url + view.replace('RESULT', id), { waitUntil: 'networkidle' });
          expect([view, width, await findings(page)]).toEqual([view, width, []]);
        }
      }
      await page.close();
    },
    120_000,
  );
});
