import { readFile } from 'node:fs/promises';
import { flag, given, integer, numbers, text, type Arguments } from '@tessera/command-line';
import { TesseraError } from '@tessera/errors';
import { openPicture, prepareEdit, showKept, type PictureEdit, type Picture } from '@tessera/pictures';
import { checkRegion } from '@tessera/request';
import { readEngineOptions } from '../common-options.ts';
import { imageOptions, readImageRun } from '../image-options.ts';
import { makeImages, type ImageOutput } from '../make-images.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

/** How the images of a run are computed and shown. */
const outputOptions = {
  stepsStrip: flag('also write steps.png: how every image looked after each step'),
  batch: integer({
    value: 'B',
    from: 1,
    to: 256,
    otherwise: 8,
    help: 'images computed together; never changes an image',
  }),
} as const;

const generateOptions = { ...imageOptions('each in turn'), ...outputOptions };

export const generate: Command<typeof generateOptions> = {
  options: generateOptions,
  examples: [
    'tessera generate --model digits-var --label 7 --count 16 --seed 1 --out digits',
    'tessera generate --model digits-var --label 0,1,2,3 --out digits --steps-strip',
    "tessera generate --model ./birds --label 'tench, Tinca tinca' --label number:134 --count 8 --out birds",
    'tessera generate --model ./my-model --label cat --guidance 1.5 --set topK=900 --set topP=0.96 --out cats --json',
  ],
  async run({ values }, terminal) {
    return makeImages(
      { ...(await readImageRun(values, 'each class in turn', terminal)), ...outputOf(values) },
      terminal,
    );
  },
};

const fractions = { value: 'x0,y0,x1,y1', count: 4, expected: 'four numbers x0,y0,x1,y1 from 0 to 1' } as const;

const editOptions = {
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
  ...imageOptions('none'),
  ...outputOptions,
};

type EditValues = Arguments<typeof editOptions>['values'];

const WHO = 'tessera edit';

export const edit: Command<typeof editOptions> = {
  usage: '--model NAME --image FILE [--mask FILE | --box BOX [--outside] | --place BOX] --out DIR [OPTIONS]',
  options: editOptions,
  examples: [
    'tessera edit --model digits-var --image digits/label-7-seed-1.png --box 0,0.5,1,1 --label 3 --count 8 --out edited',
    'tessera edit --model digits-mar --image photo.png --mask mask.png --out edited',
    'tessera edit --model digits-mar --image digits/label-7-seed-1.png --place 0.25,0.25,0.75,0.75 --label 7 --out wider',
  ],
  run: runEdit,
};

async function runEdit({ values }: Arguments<typeof editOptions>, terminal: Terminal): Promise<number> {
  const run = await readImageRun(values, 'no class', terminal);
  const wish = await readEdit(values);
  const toEdit: ImageOutput['edit'] = async (image) => {
    const prepared = await prepareEdit(wish, image, WHO);
    return { edit: prepared, shown: [prepared.image, showKept(prepared)] };
  };
  return makeImages({ ...run, ...outputOf(values), edit: toEdit }, terminal);
}

/** What does not change the images themselves. */
function outputOf(values: Arguments<typeof generateOptions>['values']) {
  const { out, batch, stepsStrip: strip, json } = values;
  return { out, batch, strip, json, engine: readEngineOptions(values) };
}

async function readEdit({ image, mask, box, place, outside }: EditValues): Promise<PictureEdit> {
  const region = { ...given({ box, place }), outside };
  checkRegion(region, mask !== undefined, WHO);
  return {
    image: await readPicture(image),
    ...region,
    ...(mask !== undefined && { mask: await readPicture(mask) }),
  };
}

async function readPicture(path: string): Promise<Picture> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const expected = 'a picture: a PNG, JPEG or WebP file';
    if (cause.code === 'EISDIR') {
      const next = 'Name one picture in it.';
      throw new TesseraError({ code: 'picture-is-folder', who: path, got: 'a folder', expected, next, cause });
    }
    const got = cause.code === 'ENOENT' ? 'no file' : `a file that cannot be read (${cause.code})`;
    const next = 'Check the path.';
    throw new TesseraError({ code: 'picture-missing', who: path, got, expected, next, cause });
  });
  return openPicture(bytes, path);
}
