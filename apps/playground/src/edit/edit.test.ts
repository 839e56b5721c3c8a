import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type ApiProcess } from '../testing/api-process.ts';
import { findings } from '../testing/axe.ts';
import { keptMarks } from '../testing/kept-marks.ts';
import { readPng } from '../testing/page-reader.ts';
import { servePage, skipped, type ServedPage } from '../testing/serve-page.fixture.ts';
import { testFiles } from './files.cases.ts';

/* The room, built as it ships, in a real browser, against the real server. */

let served: ServedPage;
/** Of `served`, until a test starts another. */
let api: ApiProcess;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  if (skipped) return;
  served = await servePage('edit');
  ({ api } = served);
});

afterEach(() => page?.context().close());

afterAll(async () => {
  await api?.kill();
  await served?.close();
});

async function open(path: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<void> {
  page = await (await served.browser.newContext(options)).newPage();
  complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(api.url + path);
}

async function ask<T>(query: string): Promise<T> {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return ((await response.json()) as { data: T }).data;
}

/** A digit that the server has made. */
async function makeDigit(): Promise<string> {
  const input = '{ model: "digits-var", images: [{ condition: { label: 7 } }], seed: 1 }';
  const made = await ask<{ createGeneration: { generation: { id: string } } }>(
    `mutation { createGeneration(input: ${input}) { ... on CreateGenerationPayload { generation { id } } } }`,
  );
  const { id } = made.createGeneration.generation;
  await expect.poll(() => pictureOf(id), { timeout: 30_000 }).not.toBeNull();
  return id;
}

async function pictureOf(id: string): Promise<string | null> {
  const query = `{ generation(id: "${id}") { ... on Generation { images { picture { url } } } } }`;
  const { generation } = await ask<{ generation: { images: { picture: { url: string } | null }[] } }>(query);
  return generation.images[0]!.picture?.url ?? null;
}

const freed = async () => Number(await page.locator('.edit-stage').getAttribute('data-freed'));
const canvas = () => page.getByRole('application');
const button = (name: string) => page.getByRole('button', { name, exact: true });
const row = (status: string) => page.locator(`.edit-row[data-status=${status}]`).first();

/** Red of every pixel of a PNG, by its address or its bytes. */
const readRed = async (png: string): Promise<number[]> => (await readPng(page, png)).reds;

/** Red of every pixel of the newest variants, as the server has them. */
async function variants(): Promise<number[][]> {
  await row('completed').waitFor({ timeout: 60_000 });
  const buttons = page
    .locator('.edit-row')
    .first()
    .getByRole('button', { name: /^Variant \d/ });
  await expect.poll(() => buttons.count()).toBe(4);
  const query = '{ generations(first: 1) { nodes { images { picture { url } } } } }';
  const { generations } = await ask<{ generations: { nodes: { images: { picture: { url: string } }[] }[] } }>(query);
  return Promise.all(generations.nodes[0]!.images.map(({ picture }) => readRed(picture.url)));
}

/** Red of every pixel that a canvas shows. */
const shown = (drawn: Locator): Promise<number[]> =>
  drawn.evaluate((one: HTMLCanvasElement) => {
    const { data } = one.getContext('2d')!.getImageData(0, 0, one.width, one.height);
    return [...data].filter((_, at) => at % 4 === 0);
  });

/** Pixels of 32 x 32, by whether a place counts as kept. */
const part = (reds: readonly number[], isKept: (x: number, y: number) => boolean, kept: boolean) =>
  reds.filter((_, pixel) => isKept(pixel % 32, Math.floor(pixel / 32)) === kept);

describe.skipIf(skipped)('the Edit room', () => {
  it('redraws what was marked by keys alone, and keeps every other pixel to the byte', async () => {
    const id = await makeDigit();
    await open(`/edit/${id}?image=0`);
    await canvas().focus();
    for (const key of ['ArrowDown', 'PageDown', 'Shift+End', 'Shift+ArrowUp']) await page.keyboard.press(key);
    await page.getByText('Rows 7 to 8, columns 1 to 8, 16 tokens: not all drawn again').waitFor({ state: 'attached' });
    await page.keyboard.press('x');
    expect(await freed()).toBe(16);
    await page.keyboard.press('Control+z');
    expect(await freed()).toBe(0);
    await page.keyboard.press('Control+Shift+z');
    expect(await freed()).toBe(16);
    await expect.poll(() => keptMarks(page)).toEqual([1]);
    await page.reload();
    await expect.poll(freed).toBe(16);

    await page.keyboard.press('Control+Enter');
    const given = await readRed((await pictureOf(id))!);
    const made = await variants();
    const isKept = (_: number, y: number) => y < 24;
    for (const one of made) expect(part(one, isKept, true)).toEqual(part(given, isKept, true));
    expect(new Set(made.map((one) => part(one, isKept, false).join())).size).toBeGreaterThan(1);

    await page.getByRole('slider', { name: 'Before and after' }).press('Home');
    expect(await shown(page.locator('.edit-pair > .step-picture canvas'))).toEqual(given);
    expect(await page.locator('.edit-after').getAttribute('style')).toMatch(/inset\(0(px)? 100% 0/);
    expect(await everyLook()).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await freed()).toBe(16);
    expect(await everyLook()).toEqual([]);
    expect(await canvas().evaluate((element) => element === document.activeElement)).toBe(true);
    await page.reload();
    expect(await variants()).toEqual(made);
    await page.getByRole('button', { name: /^Variant 2/ }).click();
    await expect.poll(() => shown(page.locator('.edit-after canvas'))).toEqual(made[1]);
    expect(complaints).toEqual([]);
  });

  it('leads from a first image to the link of an edited one, and goes on with a variant', async () => {
    await open('/', { permissions: ['clipboard-read', 'clipboard-write'] });
    await button('Generate').click();
    // While its steps still play.
    await page.locator('a[href^="/edit/"]').click();
    await canvas().waitFor();
    await page.waitForTimeout(800);
    const { pathname } = new URL(page.url());
    expect(pathname).toMatch(/^\/edit\/./);
    await page.getByRole('combobox', { name: 'Model' }).selectOption('digits-var');
    const box = (await canvas().boundingBox())!;
    const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    await page.getByRole('radio', { name: 'Rectangle' }).check();
    await page.mouse.move(middle.x + 5, middle.y + 5);
    await page.mouse.down();
    await page.mouse.move(middle.x + 90, middle.y + 90, { steps: 4 });
    await page.mouse.up();
    expect(await freed()).toBeGreaterThan(0);
    await button('Generate').click();
    await variants();
    await button('Copy link').click();
    await button('Link copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/\/g\/[^/]+\?image=0$/);
    await page.getByRole('link', { name: 'Use as base' }).click();
    await expect.poll(freed).toBe(0);
    expect(new URL(page.url()).pathname).not.toBe(pathname);

    await button('Extend to the right').press('Enter');
    expect(await freed()).toBe(64 - 49);
    const uploads: Promise<{ url: string }>[] = [];
    page.on('response', (response) => response.url().includes('/v1/uploads') && uploads.push(response.json()));
    await button('Generate').click();
    await expect.poll(() => uploads.length).toBe(2);
    const sent = await Promise.all(uploads.map(async (upload) => readRed((await upload).url)));
    const [picture, mask] = sent.sort((one, other) => new Set(other).size - new Set(one).size) as [number[], number[]];
    const isKept = (x: number, y: number) => x < 28 && y >= 4;
    expect([new Set(part(mask, isKept, true)), new Set(part(mask, isKept, false))]).toEqual([
      new Set([0]),
      new Set([255]),
    ]);
    for (const one of await variants()) expect(part(one, isKept, true)).toEqual(part(picture, isKept, true));
    expect(complaints).toEqual([]);
  });

  it('takes a picture of a phone: one finger draws, two move, and a server that is away or is killed loses nothing', async () => {
    await open('/edit', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const chooser = page.locator('input[type=file]');
    await chooser.setInputFiles({ name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
    await page.getByText('This PNG file cannot be read as a picture. Choose a PNG, JPEG or WebP file.').waitFor();
    await chooser.setInputFiles({ name: 'photo.png', mimeType: 'image/png', buffer: await photo() });
    await canvas().waitFor();
    await page.getByRole('combobox', { name: 'Model' }).selectOption('digits-mar');
    expect(await freed()).toBe(0);
    await touchStage();
    const { port } = new URL(api.url);
    const marked = await freed();
    await api.kill();
    await button('Generate').tap();
    await page.getByText('The server does not answer').waitFor({ timeout: 20_000 });
    expect(await freed()).toBe(marked);
    api = await startApi({ ...served.environment, PORT: port });
    await page.getByRole('spinbutton', { name: 'Variants' }).fill('16');
    await button('Generate').tap();
    await row('running').waitFor({ timeout: 30_000 });
    await api.kill();
    api = await startApi({ ...served.environment, PORT: port });
    await row('completed').waitFor({ timeout: 60_000 });
    await button('Generate').tap();
    await button('Stop').tap();
    await page.locator('.edit-row:first-child:is([data-status=canceled], [data-status=completed])').waitFor();
    await page.getByRole('button', { name: 'Back to the mask' }).tap();
    expect(await freed()).toBe(marked);
    await page.reload();
    await expect.poll(freed).toBe(marked);
    expect(await page.getByRole('combobox', { name: 'Model' }).inputValue()).toBe('digits-mar');
    expect(complaints.filter((said) => !said.includes('ERR_CONNECTION'))).toEqual([]);
  });

  it('says what an address asks for and cannot be had', async () => {
    const id = await makeDigit();
    await open(`/edit/${id}?image=5`);
    await page.getByText('The address asks for image=5, and this generation has image=0.').waitFor();
    await page
      .getByRole('link', { name: /^Edit 7, seed 1,/ })
      .first()
      .click();
    await canvas().waitFor();
    await page.goto(`${api.url}/edit/${id}?image=first`);
    await page.getByText('asks for the image “first”, which is no number').waitFor();
    await button('Generate').click();
    await page.getByText('Nothing is marked yet.').waitFor();
  });

  testFiles({
    ...{ open, ask, makeDigit, pictureOf, freed, readRed },
    page: () => page,
    complaints: () => complaints,
  });
});

/** What axe finds on a phone and on a desk, in both themes, and where the page is wider than the screen. */
async function everyLook(): Promise<string[]> {
  const found: string[] = [];
  for (const width of [360, 1440]) {
    await page.setViewportSize({ width, height: 800 });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      found.push(...(await findings(page)));
    }
    const isWider = (element: Element) => element.scrollWidth > element.clientWidth;
    if (await page.locator('.edit-work').evaluate(isWider)) found.push(`wider than there is room at ${width} px`);
  }
  return found;
}

/** Twice as wide as high: a part of it is cut off. */
async function photo(): Promise<Buffer> {
  const url = await page.evaluate(() => {
    const drawn = document.createElement('canvas');
    [drawn.width, drawn.height] = [600, 300];
    const context = drawn.getContext('2d')!;
    context.fillRect(0, 0, 600, 300);
    context.fillStyle = 'white';
    context.fillRect(280, 40, 40, 220);
    return drawn.toDataURL();
  });
  return Buffer.from(url.split(',')[1]!, 'base64');
}

/** A line by one finger, then two fingers that move apart. */
async function touchStage(): Promise<void> {
  const touches = await page.context().newCDPSession(page);
  const box = (await canvas().boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...points: (readonly [number, number])[]) =>
    touches.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: points.map(([dx, dy], id) => ({ x: x + dx, y: y + dy, id })),
    });
  await send('touchStart', [-60, 30]);
  for (const at of [-30, 0, 30, 60]) await send('touchMove', [at, 30]);
  await send('touchEnd');
  await expect.poll(freed).toBeGreaterThan(1);
  const drawn = await freed();
  await send('touchStart', [-20, 0]);
  await send('touchStart', [-20, 0], [20, 0]);
  await send('touchMove', [-60, 0], [60, 0]);
  await send('touchEnd');
  await button('Fit').waitFor();
  expect(await freed()).toBe(drawn);
  const view = () =>
    canvas()
      .locator('canvas')
      .evaluate((one: HTMLCanvasElement) => one.toDataURL());
  const before = await view();
  await send('touchStart', [-20, 0]);
  await send('touchStart', [-20, 0], [20, 0]);
  await send('touchMove', [10, 30], [50, 30]);
  await send('touchEnd');
  expect(await view()).not.toBe(before);
  expect(await freed()).toBe(drawn);
  await button('Fit').tap();
}
