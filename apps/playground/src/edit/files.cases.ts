import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';

/* Ways by which pictures come into the room and leave it, as part of the room's own tests. */

export interface Room {
  /** Opens an address in a fresh browser. */
  open(path: string): Promise<void>;
  page(): Page;
  complaints(): readonly string[];
  ask<T>(query: string): Promise<T>;
  /** The id of a digit that the server has made. */
  makeDigit(): Promise<string>;
  /** The address of the first image of a generation, once it is there. */
  pictureOf(id: string): Promise<string | null>;
  /** Tokens that are drawn again. */
  freed(): Promise<number>;
  readRed(png: string): Promise<number[]>;
}

/** Drops a file on an element, or pastes it, as browsers do. */
async function bring(page: Page, how: 'drop' | 'paste', bytes: Uint8Array, on = 'body'): Promise<void> {
  await page.evaluate(
    ({ how: kind, base64, selector }) => {
      const data = new DataTransfer();
      const content = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
      data.items.add(new File([content], 'given.png', { type: 'image/png' }));
      const target = document.querySelector(selector)!;
      const more = { bubbles: true, cancelable: true };
      if (kind === 'drop') target.dispatchEvent(new DragEvent('drop', { dataTransfer: data, ...more }));
      else target.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, ...more }));
    },
    { how, base64: Buffer.from(bytes).toString('base64'), selector: on },
  );
}

/** A picture of one gray. */
async function plain(page: Page, gray: number): Promise<Uint8Array> {
  const url = await page.evaluate((light) => {
    const drawn = document.createElement('canvas');
    [drawn.width, drawn.height] = [64, 64];
    const context = drawn.getContext('2d')!;
    context.fillStyle = `rgb(${light} ${light} ${light})`;
    context.fillRect(0, 0, 64, 64);
    return drawn.toDataURL();
  }, gray);
  return Buffer.from(url.split(',')[1]!, 'base64');
}

/** Red in the middle of the stage. */
const middle = (page: Page): Promise<number> =>
  page
    .locator('.edit-canvas canvas')
    .evaluate(
      (one: HTMLCanvasElement) =>
        one.getContext('2d')!.getImageData(one.width / 2 + 3, one.height / 2 + 3, 1, 1).data[0]!,
    );

/** All that the stage shows. */
const shown = (page: Page): Promise<string> =>
  page.locator('.edit-canvas canvas').evaluate((one: HTMLCanvasElement) => one.toDataURL());

/** A generation that has drawn the lower half of a digit again, as another class. */
async function makeEdit({ ask, makeDigit, pictureOf }: Room): Promise<string> {
  const id = await makeDigit();
  const query = `{ generation(id: "${id}") { ... on Generation { images { picture { id } } } } }`;
  const { generation } = await ask<{ generation: { images: { picture: { id: string } }[] } }>(query);
  const region = '{ inside: { x0: 0, y0: 0.5, x1: 1, y1: 1 } }';
  const edit = `{ image: "${generation.images[0]!.picture.id}", region: ${region} }`;
  const images = '[{ condition: { label: 3 } }]';
  const input = `{ model: "digits-var", images: ${images}, seed: 5, guidance: 1.5, options: { topP: 0.6 }, details: true, edit: ${edit} }`;
  const made = await ask<{ createGeneration: { generation: { id: string } } }>(
    `mutation { createGeneration(input: ${input}) { ... on CreateGenerationPayload { generation { id } } } }`,
  );
  const edited = made.createGeneration.generation.id;
  await expect.poll(() => pictureOf(edited), { timeout: 30_000 }).not.toBeNull();
  return edited;
}

export function testFiles(room: Room): void {
  it('takes pictures that are dropped and pasted, and makes room at an edge that is dragged', async () => {
    await room.open('/edit');
    const page = room.page();
    await page.locator('.edit-drop').waitFor();
    await bring(page, 'drop', await plain(page, 40), '.edit-drop');
    await expect.poll(() => middle(page)).toBe(40);
    await bring(page, 'paste', await plain(page, 200));
    await expect.poll(() => middle(page)).toBe(200);
    await page.getByRole('combobox', { name: 'Model' }).selectOption('digits-var');

    const handle = (await page.getByRole('button', { name: 'Extend to the left' }).boundingBox())!;
    const [x, y] = [handle.x + handle.width / 2, handle.y + handle.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x - 60, y, { steps: 3 });
    await page.mouse.move(x - 120, y, { steps: 3 });
    // What it would be is shown while it is dragged.
    const dragged = await room.freed();
    expect(dragged).toBeGreaterThan(0);
    await page.mouse.up();
    expect(await room.freed()).toBe(dragged);
    await page.keyboard.press('Control+z');
    expect(await room.freed()).toBe(0);
    expect(room.complaints()).toEqual([]);
  }, 60_000);

  it('moves what is zoomed by keys, and brings the chosen token into sight', async () => {
    await room.open(`/edit/${await room.makeDigit()}?image=0`);
    const page = room.page();
    await page.getByRole('application').focus();
    const fitted = await shown(page);
    for (const key of ['+', '+', '+', '+']) await page.keyboard.press(key);
    const zoomed = await shown(page);
    expect(zoomed).not.toBe(fitted);
    await page.keyboard.press('d');
    const moved = await shown(page);
    expect(moved).not.toBe(zoomed);
    await page.keyboard.press('a');
    expect(await shown(page)).toBe(zoomed);
    // The first token lies outside of what is in sight.
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => shown(page)).not.toBe(zoomed);
    await page.getByText('W, A, S and D move the picture').waitFor();
    await page.keyboard.press('0');
    await page.getByText('W, A, S and D').waitFor({ state: 'detached' });
    expect(await room.freed()).toBe(0);
  }, 60_000);

  it('goes on with an edit from its result and from its file: picture, mask, class, seed and settings', async () => {
    const id = await makeEdit(room);
    await room.open(`/g/${id}`);
    let page = room.page();
    const grid = page.getByRole('slider', { name: /^Tokens/ });
    await grid.focus();
    expect(await grid.getAttribute('aria-valuetext')).toMatch(/: given with the picture, and not drawn\.$/);
    await page.keyboard.press('End');
    expect(await grid.getAttribute('aria-valuetext')).toContain('drawn in step 5 of 5: code ');
    await page.getByText(/, \d+ given; the model took/).waitFor();
    // Beside it, the picture before: its upper half plain, its lower one hatched.
    const before = page.getByRole('img', { name: 'The picture before, hatched where it was drawn again' });
    await expect.poll(() => before.getAttribute('data-drawn')).toBe('true');
    const [kept, hatched] = await before.evaluate((canvas: HTMLCanvasElement) => {
      const { width, height } = canvas;
      const half = (top: number) => canvas.getContext('2d')!.getImageData(0, top, width, height / 2).data;
      // Gray is as red as green.
      const coloured = (data: Uint8ClampedArray) => data.filter((red, i) => i % 4 === 0 && red !== data[i + 1]).length;
      return [coloured(half(0)), coloured(half(height / 2))].map((count) => count / (width * (height / 2)));
    });
    expect(kept).toBeLessThan(0.1);
    expect(hatched).toBeGreaterThan(0.7);
    await page.getByRole('link', { name: 'Change settings' }).click();

    await expect.poll(room.freed).toBe(32);
    expect(new URL(page.url()).search).toBe(`?again=${id}`);
    const value = (role: 'combobox' | 'spinbutton', name: string) =>
      page.getByRole(role, { name, exact: true }).inputValue();
    await page.locator('.edit-panel summary').first().click();
    expect([
      await value('combobox', 'Model'),
      await value('combobox', 'The new part shows'),
      await value('spinbutton', 'Variants'),
      await value('spinbutton', 'Seed'),
      await page.getByRole('slider', { name: 'Guidance' }).inputValue(),
      await value('spinbutton', 'Top p'),
    ]).toEqual(['digits-var', '3', '1', '5', '1.5', '0.6']);
    // The same picture, mask, settings and seed: the same image, to the byte.
    const given = await room.readRed((await room.pictureOf(id))!);
    await page.getByRole('button', { name: 'Generate', exact: true }).click();
    await page.locator('.edit-row').nth(1).waitFor();
    await page.locator('.edit-row:first-child[data-status=completed]').waitFor({ timeout: 30_000 });
    const query = '{ generations(first: 1) { nodes { id images { picture { url } } } } }';
    const { generations } = await room.ask<{
      generations: { nodes: { id: string; images: { picture: { url: string } }[] }[] };
    }>(query);
    const [made] = generations.nodes;
    expect(made!.id).not.toBe(id);
    expect(await room.readRed(made!.images[0]!.picture.url)).toEqual(given);

    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save PNG' }).click();
    const file = await readFile(await (await saved).path());
    await page.context().close();
    await room.open('/');
    page = room.page();
    await page.locator('form.settings').waitFor();
    await bring(page, 'drop', file);
    await expect.poll(room.freed).toBe(32);
    expect(new URL(page.url()).search).toBe(`?again=${made!.id}`);
    // Another server has none of it: the file is enough.
    await room.ask(`mutation { deleteGeneration(input: { id: "${made!.id}" }) { __typename } }`);
    await page.context().close();
    await room.open('/edit');
    page = room.page();
    await page.locator('.edit-drop').waitFor();
    await bring(page, 'drop', file, '.edit-drop');
    await page.getByText('Here is the edited picture itself, with the mask that its file holds.').waitFor();
    expect([await room.freed(), await value('spinbutton', 'Seed')]).toEqual([32, '5']);
  }, 90_000);
}
