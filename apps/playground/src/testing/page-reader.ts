import type { Page } from 'playwright-core';

/** Red of every pixel, in the pictures' own sizes. Runs in the page. */
export function readPictures(images: Element[]): number[][] {
  return (images as HTMLImageElement[]).map((image) => {
    const { naturalWidth: width, naturalHeight: height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d')!;
    context.drawImage(image, 0, 0);
    return [...context.getImageData(0, 0, width, height).data].filter((_, index) => index % 4 === 0);
  });
}

export async function largePictures(page: Page): Promise<(string | null)[]> {
  const pictures = await page.locator('.frame img').all();
  return Promise.all(pictures.map((picture) => picture.getAttribute('src')));
}

/** How many tokens each image's grids show as written: cells that have a size and a colour. */
export function written(page: Page): Promise<number[]> {
  return page.locator('.card').evaluateAll((cards) =>
    cards.map((card) => {
      const seen = [...card.querySelectorAll('.cell')].filter((cell) => {
        const { width, height } = cell.getBoundingClientRect();
        return width > 0 && height > 0 && getComputedStyle(cell).fill.startsWith('oklch');
      });
      return seen.length;
    }),
  );
}

/** How many different colours the cells of all images have. */
export function stepColours(page: Page): Promise<number> {
  return page.locator('.cell').evaluateAll((cells) => new Set(cells.map((cell) => getComputedStyle(cell).fill)).size);
}
