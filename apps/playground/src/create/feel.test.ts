import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findings } from '../testing/axe.ts';
import { generate, generateLong, openHow, pickModel, status } from '../testing/page-reader.ts';
import { servePage, skipped, type ServedPage } from '../testing/serve-page.fixture.ts';

/* How Create feels: on small screens, by the keyboard alone, in forced colours, and for assistive technology. */

let served: ServedPage;
let page: Page;

beforeAll(async () => {
  if (skipped) return;
  served = await servePage('feel');
});

beforeEach(async () => {
  if (!skipped) page = await served.browser.newPage({ reducedMotion: 'reduce' });
});

afterEach(() => page?.close());

afterAll(() => served?.close());

async function open({ width = 1440, height = 900, path = '/' } = {}): Promise<void> {
  await page.setViewportSize({ width, height });
  await page.goto(`${served.api.url}${path}`);
  await page.waitForSelector('form');
}

const button = (name: string) => page.getByRole('button', { name, exact: true });
const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');

/** Whether all of the elements lies in the window, above what is fixed at its lower edge. */
async function isInView(selector: string): Promise<boolean> {
  return page
    .locator(selector)
    .first()
    .evaluate((element) => {
      const { top, bottom, left, right } = element.getBoundingClientRect();
      const actions = document.querySelector('.settings .actions')!;
      const bar = getComputedStyle(actions).position === 'fixed' ? actions.getBoundingClientRect().height : 0;
      return top >= 0 && left >= 0 && bottom <= innerHeight - bar && right <= innerWidth;
    });
}

describe.skipIf(skipped)('Create', () => {
  const inView = async (size: string) => {
    const [width = 0, height = 0] = size.split(' x ').map(Number);
    await open({ width, height });
    await page.locator('.sample').first().waitFor();
    expect(await page.getByRole('button', { name: 'Generate' }).boundingBox()).toMatchObject({
      x: expect.any(Number),
    });
    const box = (await button('Generate').boundingBox())!;
    expect(box.y + box.height).toBeLessThanOrEqual(height);
    for (const scroll of [0, 5000]) {
      await page.evaluate((y) => scrollTo(0, y), scroll);
      await generate(page, {});
      await status(page, 'completed');
      expect(await isInView('.viewport canvas')).toBe(true);
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  };
  it('brings the image into view after Generate at 360 x 640, wherever the page was', () => inView('360 x 640'));
  it.each(['360 x 740', '390 x 844', '768 x 1024'])('and at %s', { tags: ['long'] }, inView);

  it('shows the image as large as fits, by whole numbers, from 360 to 2560 pixels', async () => {
    await open({ path: '/?model=digits-mar' });
    await generate(page, { images: 4 });
    await status(page, 'completed');
    for (const [width, height] of [
      [360, 740],
      [1024, 768],
      [1440, 900],
      [2560, 1440],
    ] as const) {
      await page.setViewportSize({ width, height });
      const fits = () =>
        page.evaluate(() => {
          const box = document.querySelector('.viewport')!;
          const { width: side } = box.querySelector('canvas')!.getBoundingClientRect();
          const room = Math.min(box.clientWidth, box.clientHeight);
          return side % 32 === 0 && side > room - 32 && side <= room;
        });
      await expect.poll(fits).toBe(true);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
    // All of them in rows.
    await page.getByRole('slider', { name: 'Images in a row' }).fill('2');
    expect(await page.locator('.stage .grid canvas').count()).toBe(4);
    await page
      .getByRole('radio', { name: /^0, seed/ })
      .nth(2)
      .check({ force: true });
    await expect.poll(() => page.url()).toMatch(/\?image=2$/);
  });

  it('is worked by the keyboard alone, and keeps the focus where the person is', async () => {
    await open();
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.className)).toBe('create');
    await pickModel(page, 'digits-mar');
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/g\//);
    await status(page, 'completed');
    const step = page.getByRole('slider', { name: 'Step', exact: true });
    await page.keyboard.press('ArrowLeft');
    expect(await step.getAttribute('aria-valuetext')).toBe('step 16 of 16');
    await page.keyboard.press('ArrowRight');
    expect(await step.getAttribute('aria-valuetext')).toBe('finished');
    await page.keyboard.press('Space');
    await button('Pause').waitFor();
    await page.keyboard.press('Space');
    await button('Play the steps').waitFor();
    await page.keyboard.press('Space');
    await button('Pause').waitFor();
    await page.locator('.timeline button').first().click();
    await button('Play the steps').waitFor();
    expect(await step.getAttribute('aria-valuetext')).toBe('step 1 of 16');

    await generateLong(page);
    expect(await focused()).toBe('Generate');
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('Play or pause the steps').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect([await focused(), await button('Stop').getAttribute('aria-disabled')]).toEqual(['Generate', 'false']);
    await page.keyboard.press('Escape');
    await status(page, 'canceled');
    expect(await focused()).toBe('Generate');
  });

  it('shows of each model what it has drawn and how fast it is here, and of each setting the formula', async () => {
    await open({ width: 390, height: 844, path: '/?model=digits-var-diffusion&digits-var-diffusion.guidance=99' });
    await page.locator('.notes li', { hasText: 'Guidance above 10 mostly draws noise' }).waitFor();
    const own = page.locator('.model:has(:checked)');
    await page.locator('.models > summary').click();
    await page.locator('.model-samples img').nth(4).waitFor();
    const widths = await page
      .locator('.model-samples img')
      .evaluateAll((all) => all.map((image) => (image as HTMLImageElement).naturalWidth));
    expect(Math.min(...widths)).toBeGreaterThan(300);
    await own.getByText(/^Speed/).waitFor();
    await page.locator('.models > summary').click();
    await generate(page, {});
    await status(page, 'completed');
    // Workers tell it with their next sign of life.
    await expect
      .poll(
        async () => {
          await page.locator('.models > summary').click();
          const told = await own.getByText(/^Speed/).innerText();
          await page.locator('.models > summary').click();
          return told;
        },
        { timeout: 60_000, interval: 1000 },
      )
      .toMatch(/about [\d.]+ m?s an image, as measured on this server/);
    await page.locator('details.group > summary').click();
    const formulas = page.locator('.formula');
    await formulas.first().waitFor();
    expect(await formulas.count()).toBe(5);
    expect(await page.locator('.caution').innerText()).toContain('this model is made for less');
    await page.getByRole('slider', { name: 'Guidance' }).fill('2');
    expect(await page.locator('.caution').innerText()).toBe('');
    for (const one of await formulas.locator('summary').all()) await one.click();
    for (const one of await formulas.locator('math').all())
      expect((await one.boundingBox())!.height).toBeGreaterThan(15);
    expect(await formulas.locator('a').first().getAttribute('href')).toMatch(/^https:\/\/arxiv\.org\/abs\//);
    expect(await findings(page)).toEqual([]);
    // On a phone: the image, then the settings, then how it came about.
    const top = async (selector: string) => (await page.locator(selector).boundingBox())!.y;
    expect(await top('.viewport')).toBeLessThan(await top('.settings'));
    expect(await top('.settings')).toBeLessThan(await top('.anatomy'));
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });

  it('says so where a part of it cannot be fetched, and is never blank', async () => {
    await page.route(/\/assets\/stage-[^/]+\.js$/, (route) => route.abort());
    await open();
    await generate(page, { model: 'digits-var' });
    await page.getByRole('alert').getByText('This part of the page could not be loaded').waitFor();
    await button('Generate').waitFor();
  });

  it('marks the field of the form that the server refuses', async () => {
    await open();
    await pickModel(page, 'digits-mar');
    await openHow(page);
    await page.getByLabel('Respacing').fill('banana');
    await button('Generate').click();
    await page.getByRole('alert').waitFor();
    const field = page.getByLabel('Respacing');
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await field.getAttribute('aria-describedby')).toMatch(/-problem/);
    expect([await button('Try again').count(), await focused()]).toEqual([0, 'Generate']);
  });

  it('finds one of a thousand classes by its name', async () => {
    await page.route('**/graphql*', async (route) => {
      const response = await route.fetch();
      const answer = (await response.json()) as { data?: { models?: { classes: unknown }[] } };
      const classes = Array.from({ length: 1000 }, (_, label) => ({
        label,
        name: `${label % 2 ? 'grey' : 'red'} fox ${label}`,
      }));
      for (const model of answer.data?.models ?? []) model.classes = classes;
      await route.fulfill({ response, json: answer });
    });
    await open();
    expect(await page.locator('.classes input[type=radio]').count()).toBeLessThan(50);
    await page.getByLabel('Search classes').fill('fox grey 777');
    await page.getByText('1 found.').waitFor();
    await page.getByRole('radio', { name: 'grey fox 777' }).check({ force: true });
    await expect.poll(() => page.url()).toContain('label=777');
  });

  it('tells what is chosen in forced colours, and that a form goes on beneath', async () => {
    await page.emulateMedia({ forcedColors: 'active' });
    await open();
    const ground = (state: string) =>
      page
        .locator(`.classes input${state} + span`)
        .first()
        .evaluate((chip) => getComputedStyle(chip).backgroundColor);
    expect(await page.getByLabel('New seed each time').boundingBox()).toMatchObject({ width: 18, height: 18 });
    expect(await ground(':checked')).not.toBe(await ground(':not(:checked)'));
    await generate(page, { model: 'digits-var', images: 1 });
    await status(page, 'completed');
    const step = (state: string) =>
      page
        .locator(`.timeline button${state}`)
        .first()
        .evaluate((frame) => getComputedStyle(frame).borderTopWidth);
    expect([await step('[aria-current]'), await step(':not([aria-current])')]).toEqual(['3px', '1px']);
    await page.emulateMedia({ forcedColors: 'none' });
    await page.evaluate(() => (document.documentElement.style.fontSize = '200%'));
    const edge = () => page.locator('.actions').evaluate((one) => getComputedStyle(one).borderTopColor);
    expect(await edge()).not.toBe('rgba(0, 0, 0, 0)');
    await page.locator('.settings').evaluate((form) => form.scrollTo(0, form.scrollHeight));
    await expect.poll(edge).toBe('rgba(0, 0, 0, 0)');
  });

  it.each(['light', 'dark'] as const)(
    'has nothing that axe objects to, and borders that are seen, when it is %s',
    { tags: ['long'] },
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      for (const [width, height] of [
        [360, 740],
        [1440, 900],
      ] as const) {
        await open({ width, height });
        await page.locator('.sample').first().waitFor();
        const paper = () => page.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
        const [own, theme] = [await paper(), page.getByLabel('Theme')];
        await theme.selectOption(colorScheme === 'dark' ? 'light' : 'dark');
        expect(await paper()).not.toBe(own);
        await theme.selectOption('system');
        expect(await button('Play').count()).toBe(1);
        expect(await findings(page)).toEqual([]);
        await generate(page, { images: 4 });
        await status(page, 'completed');
        await page.locator('.models summary').click();
        await openHow(page);
        expect(await findings(page)).toEqual([]);
        expect(await contrast('.pair input')).toBeGreaterThanOrEqual(3);
        await open({ width, height, path: '/?label=99' });
        await page.locator('.notes li').first().waitFor();
        expect(await findings(page)).toEqual([]);
      }
    },
  );
});

/** Of an input's border to the ground around it. */
function contrast(selector: string): Promise<number> {
  return page
    .locator(selector)
    .first()
    .evaluate((input) => {
      const light = (colour: string) => {
        const parts = /(\d+), (\d+), (\d+)/
          .exec(colour)!
          .slice(1)
          .map((part) => Number(part) / 255);
        const [red, green, blue] = parts.map((part) =>
          part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
        );
        return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
      };
      const ground = getComputedStyle(input.closest('.settings')!).backgroundColor;
      const [one, other] = [light(getComputedStyle(input).borderColor), light(ground)];
      return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    });
}
