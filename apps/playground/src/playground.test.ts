import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { browserArguments, findBrowser } from '@tessera/chromium';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { optionFields } from './settings/options.tsx';
import { keys, listModels, startApi, type ApiProcess, type ListedModel } from './testing/api-process.ts';
import { startBalancer, type Balancer } from './testing/balancer.ts';
import { builtPage } from './testing/built-page.fixture.ts';
import {
  allPictures,
  generate,
  generateLong,
  isDrawn,
  largePicture,
  openHow,
  pickModel,
  status,
} from './testing/page-reader.ts';
import { skipped } from './testing/serve-page.fixture.ts';

/* The page, built as it ships, in a real browser, against the real server with every model that it has. */

const folder = mkdtempSync(join(tmpdir(), 'tessera-playground-'));
let environment: Record<string, string>;
let api: ApiProcess;
/** Before the server: it can be cut off. */
let door: Balancer;
let browser: Browser;
let page: Page;
let models: readonly ListedModel[];
let complaints: string[];

beforeAll(async () => {
  if (skipped) return;
  browser = await chromium.launch({ executablePath: findBrowser(), args: browserArguments });
  environment = { TESSERA_DATA: join(folder, 'data'), TESSERA_PLAYGROUND: await builtPage('checked') };
  api = await startApi({ ...environment, PORT: '0' });
  door = await startBalancer([api.url]);
  models = await listModels(api.url);
});

beforeEach(async () => {
  if (skipped) return;
  complaints = [];
  // Nothing moves by itself, but where a test wants it to.
  page = await browser.newPage({ reducedMotion: 'reduce' });
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(door.url);
  await page.waitForSelector('form');
});

afterEach(() => page?.close());

afterAll(async () => {
  await browser?.close();
  await door?.close();
  await api?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const button = (name: string) => page.getByRole('button', { name, exact: true });
const field = (name: string) => page.getByLabel(name, { exact: true });
const entries = () => page.locator('.rail .entry');
const pickClass = (label: number) => page.locator(`.classes input[value="${label}"]`).check({ force: true });
const scrubber = () => page.getByRole('slider', { name: 'Step', exact: true });

describe.skipIf(skipped)('the playground', () => {
  it('has a field with the right value and help for every option of every model', async () => {
    for (const model of models) {
      await pickModel(page, model.name);
      await openHow(page);
      for (const { label, help, kind, fallback } of optionFields(model.options)) {
        const value = kind === 'check' ? await field(label).isChecked() : await field(label).inputValue();
        expect(String(value), `${model.name}: ${label}`).toBe(String(fallback));
        if (help) expect(await page.locator('.hint', { hasText: help }).count()).toBeGreaterThan(0);
      }
    }
    expect(complaints).toEqual([]);
  });

  it('shows every step and the finished images of a class, and again by its address, with its own settings', async () => {
    for (const model of models.filter(isDrawn)) {
      await pickModel(page, model.name);
      await pickClass(3);
      await field('Seed').fill('42');
      await field('New seed each time').uncheck();
      await generate(page, { images: 2 });
      await status(page, 'completed');
      const finished = await allPictures(page);
      expect(finished.length).toBe(2);
      const address = page.url();
      // What the form says later does not belong to the images.
      await field('Seed').fill('43');
      await expect.poll(() => page.url()).toContain('/?model=');
      await page.goto(address);
      await status(page, 'completed');
      expect(await allPictures(page)).toEqual(finished);
      expect([await field('Seed').inputValue(), await field('Images').inputValue()]).toEqual(['42', '2']);
      expect(await page.locator('.models summary strong').textContent()).toBe(model.title);
    }
    expect(complaints).toEqual([]);
  });

  it('goes through the steps, from a first one that differs to a last one near the finished image', async () => {
    for (const model of models.filter(isDrawn)) {
      await generate(page, { model: model.name, images: 1 });
      await status(page, 'completed');
      const finished = await largePicture(page);
      const steps = Number(await scrubber().getAttribute('max'));
      expect(await scrubber().getAttribute('aria-valuetext')).toBe('finished');
      await scrubber().press('ArrowLeft');
      expect(await scrubber().getAttribute('aria-valuetext')).toBe(`step ${steps} of ${steps}`);
      const last = await largePicture(page);
      expect(Math.max(...last)).toBeGreaterThan(Math.min(...last));
      // Previews by a linear map are smaller and only roughly alike.
      if (model.defaults.preview === 'DECODED') {
        const difference = finished.reduce((sum, value, index) => sum + Math.abs(value - last[index]!), 0);
        expect(difference / finished.length).toBeLessThan(8);
      }
      await scrubber().press('Home');
      expect(await scrubber().getAttribute('aria-valuetext')).toBe(`step 1 of ${steps}`);
      expect(await largePicture(page)).not.toEqual(finished);
      await expect.poll(() => page.url()).toMatch(/\?step=0$/);
      await page.reload();
      await status(page, 'completed');
      await expect.poll(() => scrubber().getAttribute('aria-valuetext')).toBe(`step 1 of ${steps}`);
      await scrubber().press('End');
      expect(await largePicture(page)).toEqual(finished);
    }
    expect(complaints).toEqual([]);
  });

  it('shows what VAR and MAR do before the first run, and makes other images each time beside those before', async () => {
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    await page.reload();
    await page.locator('.sample').last().waitFor();
    const told = () => page.locator('.samples figcaption').allTextContents();
    const makers = { 'digits-var-diffusion': 'digits (VAR), another', 'avatars-var': 'Avatars (VAR), the chosen' };
    for (const [model, maker] of Object.entries(makers)) {
      await pickModel(page, model);
      const [sharper, holes] = await told();
      expect([sharper, holes]).toEqual([expect.stringContaining(maker), expect.stringContaining('(MAR), another')]);
      expect([sharper!.split(':')[0], holes!.split(':')[0]]).toEqual(['VAR grows sharper', 'MAR fills holes']);
    }
    const place = () => page.locator('.sample-frame img').last().getAttribute('style');
    const first = await place();
    await expect.poll(place).not.toBe(first);
    const before = await entries().count();
    await generate(page, { model: 'digits-var', images: 1 });
    // It was too fast to be seen: its steps are played.
    await button('Pause').waitFor();
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await generate(page, { images: 1 });
    await expect.poll(() => entries().count()).toBe(Math.min(20, before) + 2);
    await status(page, 'completed');
    const newest = await largePicture(page);
    await entries().nth(1).getByRole('link').click();
    await status(page, 'completed');
    expect(await largePicture(page)).not.toEqual(newest);
    await field('New seed each time').uncheck();
    await generate(page, {});
    await status(page, 'completed');
    const kept = await largePicture(page);
    await entries().nth(2).getByRole('link').click();
    expect(await largePicture(page)).toEqual(kept);
    await page.reload();
    await expect.poll(() => entries().count()).toBe(Math.min(20, before + 3));
    expect(complaints).toEqual([]);
  });

  it('lets many wait, says where they stand, and cancels one of them', async () => {
    await generate(page, { model: 'digits-mar', images: 64 });
    await generate(page, {});
    await generate(page, { images: 1 });
    const [newest, second, where] = [entries().nth(0), entries().nth(1), /ahead|Step|Started|Loading/];
    await newest.getByText(where).waitFor();
    expect(await page.title()).toMatch(where);
    await second.getByRole('button').click();
    await second.getByText('Stopped').waitFor();
    await status(page, 'completed');
    expect(await page.title()).toBe('0: finished · Tessera');
    expect(complaints).toEqual([]);
  });

  it('tells what an address holds and cannot be had, and leaves the address as it is', async () => {
    const asked = `${door.url}/?model=var-d16&label=207&topP=7&count=1000`;
    await page.goto(asked);
    const notes = page.locator('.notes li');
    await notes.first().waitFor();
    expect((await notes.allTextContents()).map((text) => text.slice(0, 15))).toEqual([
      '“model=var-d16”',
      '“label=207”: ex',
      '“count=1000”: e',
      '“topP=7” was le',
    ]);
    expect(page.url()).toBe(asked);
    await page.goto(`${door.url}/?generation=gone`);
    await page.getByText('This server does not have this result').waitFor();
    expect([page.url(), await page.locator('.progress').innerText()]).toEqual([`${door.url}/g/gone`, 'Not found here']);
    expect(await button('Try again').count()).toBe(0);
    // From another server: what made it is in the link.
    await page.goto(`${door.url}/g/gone?image=1&model=${models.at(-1)!.name}&label=7&count=2&seed=11`);
    await page.getByText('Press Generate to make it here').waitFor();
    await generate(page, {});
    await status(page, 'completed');
    expect(await page.locator('.caption strong').textContent()).toBe('7, seed 11');
    await page.goto(`${page.url()}?image=5&step=900`);
    await page.getByText('“step=900”').waitFor();
    expect(await page.getByText('“image=5”').count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('shows how the server is, every two seconds, while what runs goes on', async () => {
    await generate(page, { model: 'digits-var', images: 1 });
    const finished = await largePicture(page);
    await page.getByRole('link', { name: 'Server' }).click();
    const row = page.getByRole('row', { name: /ready/ });
    await row.getByText('digits-var ·').waitFor();
    expect(await row.innerText()).toMatch(/\d (MB|GB)\b/);
    expect(await page.getByText('workers ready').locator('..').innerText()).toContain('1 of 1');
    expect(await page.locator('form').isVisible()).toBe(false);
    const points = async () => (await page.locator('polyline').first().getAttribute('points'))!.split(' ').length;
    await expect.poll(points, { timeout: 10_000 }).toBeGreaterThan(await points());
    await page.getByRole('link', { name: 'Create' }).click();
    await status(page, 'completed');
    expect(await largePicture(page)).toHaveLength(finished.length);
    for (let run = 0; run < 2; run++) await generate(page, { model: 'digits-mar', images: 64 });
    await page.getByRole('link', { name: 'Server' }).click();
    await page.getByRole('rowheader', { name: 'next' }).waitFor();
    await button('Cancel').last().click();
    await page.getByRole('rowheader', { name: 'next' }).waitFor({ state: 'detached' });
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`${door.url}/server`);
    await row.waitFor();
    const hidden = (all: Element[]) => all.map((one) => one.scrollWidth - one.clientWidth);
    expect(Math.max(...(await page.locator('html, .table').evaluateAll(hidden)))).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('repeats a cancel that a cut connection lost', async () => {
    await generateLong(page);
    door.cut();
    await button('Stop').click();
    await page.getByText('The connection is lost').waitFor();
    door.reopen();
    await status(page, 'canceled');
    expect(await page.locator('[data-shown="lost"]').count()).toBe(0);
    expect(await button('Stop').getAttribute('aria-disabled')).toBe('true');
  });

  it('says what to do when the server is gone, and goes on when it is back', async () => {
    await field('Images').fill('1');
    await api.kill();
    await button('Generate').click();
    await page.getByRole('alert').getByText('npm start').waitFor();
    api = await startApi({ ...environment, PORT: new URL(api.url).port });
    await page.getByRole('alert').filter({ hasText: 'and does again' }).getByRole('button').click();
    await status(page, 'completed');
  });

  it('asks for the key of a server that needs one, and keeps it as long as the tab', { tags: ['long'] }, async () => {
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
    await generate(page, { images: 2 });
    await status(page, 'completed');
    const { length } = await allPictures(page);
    await page.reload();
    await status(page, 'completed');
    expect([length, (await allPictures(page)).length, page.url().includes('tsr_')]).toEqual([2, 2, false]);
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
    expect(complaints.filter((said) => !/401|ERR_|preload CSS/.test(said))).toEqual([]);
  });
});
