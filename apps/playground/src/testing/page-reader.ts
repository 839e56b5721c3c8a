import type { Page } from 'playwright-core';

/* What a person sees, read from the page, and what a person does in Create. */

/** Red of every pixel of canvases, in the pictures' own sizes. Runs in the page. */
function readPictures(canvases: Element[]): number[][] {
  return (canvases as HTMLCanvasElement[]).map((canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, width, height);
    return [...data].filter((_, index) => index % 4 === 0);
  });
}

/** One of each way to draw, and one in colour: the page knows no model by its name. */
export const isDrawn = ({ name }: { readonly name: string }): boolean =>
  ['digits-var', 'digits-mar', 'avatars-var'].includes(name);

/** The large picture, once all that are on the stage are drawn. */
export async function largePicture(page: Page): Promise<number[]> {
  await drawn(page);
  const [pixels] = await page.locator('.viewport canvas').evaluateAll(readPictures);
  return pixels!;
}

/** Every image of the run on the stage, from the row beneath the large one. */
export async function allPictures(page: Page): Promise<number[][]> {
  await drawn(page);
  const row = page.locator('.strip canvas');
  return (await row.count()) > 0 ? row.evaluateAll(readPictures) : [await largePicture(page)];
}

async function drawn(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const all = [...document.querySelectorAll<HTMLElement>('.stage .step-picture')];
    const isDrawn = (one: HTMLElement) => {
      const { wanted, drawn } = one.querySelector('canvas')!.dataset;
      // The picture before stays until the wanted one is decoded.
      return one.dataset['shown'] === 'drawn' && drawn === wanted;
    };
    // Many images follow the large one a moment later.
    const isLate = document.querySelector<HTMLElement>('.stage-head')?.dataset['late'] === 'true';
    return all.length > 0 && !isLate && all.every(isDrawn);
  });
  // A picture that was decoded before is drawn in the next frame.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** Until the run on the stage has one of these states. */
export async function status(page: Page, ...wanted: string[]): Promise<void> {
  const reached = (states: string[]) =>
    states.includes(document.querySelector<HTMLElement>('.progress')?.dataset['status'] ?? '');
  await page.waitForFunction(reached, wanted, { timeout: 60_000 });
}

export async function pickModel(page: Page, name: string): Promise<void> {
  const models = page.locator('.models');
  await page.locator('form.settings').waitFor();
  if ((await models.count()) === 0) return;
  await models.evaluate((details: HTMLDetailsElement) => (details.open = true));
  await models.locator(`input[value="${name}"]`).check();
  await models.evaluate((details: HTMLDetailsElement) => (details.open = false));
}

export async function openHow(page: Page): Promise<void> {
  await page.locator('details.group').evaluate((details: HTMLDetailsElement) => (details.open = true));
}

/** Begins work that is not over before it is canceled, however slow the page is: `digits-mar` with long chains. */
export async function generateLong(page: Page): Promise<void> {
  await pickModel(page, 'digits-mar');
  await openHow(page);
  await page.getByLabel('Respacing').fill('ddim500');
  await page.getByLabel('Images', { exact: true }).fill('64');
  const before = page.url();
  await page.getByRole('button', { name: 'Generate', exact: true }).press('Enter');
  await page.waitForURL((url) => url.href !== before && url.pathname.startsWith('/g/'));
  await page
    .getByText(/^Step \d/)
    .first()
    .waitFor();
  // All scripts of a result are there: what a cut connection keeps away is another matter.
  for (const part of ['.viewport canvas', '.caption strong', '.anatomy']) await page.locator(part).first().waitFor();
}

export async function generate(page: Page, { model, images }: { model?: string; images?: number }): Promise<void> {
  if (model !== undefined) await pickModel(page, model);
  if (images !== undefined) await page.getByLabel('Images', { exact: true }).fill(String(images));
  const before = page.url();
  await page.getByRole('button', { name: 'Generate', exact: true }).click();
  await page.waitForURL((url) => url.href !== before && url.pathname.startsWith('/g/'));
}

/** A picture by its address, or a PNG as one, with red of every pixel. */
export function readPng(page: Page, url: string): Promise<{ width: number; height: number; reds: number[] }> {
  return page.evaluate(async (source) => {
    const bitmap = await createImageBitmap(await (await fetch(source)).blob());
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { width, height, reds: [...data].filter((_, at) => at % 4 === 0) };
  }, url);
}
