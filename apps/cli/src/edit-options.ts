import { flag, given, numbers, text, type Arguments } from '@tessera/command-line';
import { openPicture, prepareEdit, showKept, type PictureEdit, type Picture } from '@tessera/pictures';
import { checkRegion } from '@tessera/request';
import type { ImageOutput } from './make-images.ts';
import { readPictureFile } from './picture-file.ts';

const fractions = { value: 'x0,y0,x1,y1', count: 4, expected: 'four numbers x0,y0,x1,y1 from 0 to 1' } as const;

/** Which part of which picture is redrawn. */
export const editOptions = {
  image: text({
    value: 'FILE',
    required: true,
    help: 'the picture: PNG, JPEG or WebP; without mask, box and place its transparent parts are redrawn',
  }),
  mask: text({ value: 'FILE', help: 'a picture of the same shape: white is redrawn, black stays' }),
  box: numbers({
    ...fractions,
    help: 'redraw this rectangle: fractions, from the upper left, of the picture cut to the model’s shape',
  }),
  outside: flag('redraw what is outside of --box instead'),
  place: numbers({
    ...fractions,
    help: 'shrink the picture into this rectangle of the model’s image and draw the rest',
  }),
} as const;

type EditValues = Arguments<typeof editOptions>['values'];

/** Reads and checks the pictures of an edit. What it returns fits them to the model's images. */
export async function readEdit(values: EditValues, who: string): Promise<NonNullable<ImageOutput['edit']>> {
  const pictures = await readPictures(values, who);
  return async (image) => {
    const prepared = await prepareEdit(pictures, image, who);
    return { edit: prepared, shown: [prepared.image, showKept(prepared)] };
  };
}

async function readPictures({ image, mask, box, place, outside }: EditValues, who: string): Promise<PictureEdit> {
  const region = { ...given({ box, place }), outside };
  checkRegion(region, mask !== undefined, who);
  return {
    image: await readPicture(image),
    ...region,
    ...(mask !== undefined && { mask: await readPicture(mask) }),
  };
}

async function readPicture(path: string): Promise<Picture> {
  return openPicture(await readPictureFile(path), path);
}
