import { readFile } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';
import { checkRegion, openPicture, prepareEdit, showKept, type EditWish, type Picture } from '@tessera/pictures';
import type { Arguments, Command } from '../command.ts';
import { imageOptions, modelOption, readWishes } from '../image-options.ts';
import { labelOption } from '../labels.ts';
import { makeImages } from '../make-images.ts';
import { required, wrongOption } from '../numbers.ts';
import type { Terminal } from '../terminal.ts';

const WHO = 'tessera edit';

export const edit: Command = {
  usage: '--model NAME --image FILE [--mask FILE | --box BOX [--outside] | --place BOX] --out DIR [--label L]',
  options: {
    model: modelOption,
    image: {
      type: 'string',
      value: 'FILE',
      help: 'the picture: PNG, JPEG or WebP; without mask, box and place its transparent parts are redrawn',
    },
    mask: { type: 'string', value: 'FILE', help: 'a picture of the same shape: white is redrawn, black stays' },
    box: {
      type: 'string',
      value: 'x0,y0,x1,y1',
      help: 'make this rectangle anew: fractions, from the upper left, of the picture cut to the model’s shape',
    },
    outside: { type: 'boolean', help: 'make anew what is outside of --box instead' },
    place: {
      type: 'string',
      value: 'x0,y0,x1,y1',
      help: 'shrink the picture into this rectangle of the model’s image and make the rest',
    },
    label: labelOption('none'),
    ...imageOptions,
  },
  examples: [
    'tessera edit --model digits-var --image digits/label-7-seed-1.png --box 0,0.5,1,1 --label 3 --count 8 --out edited',
    'tessera edit --model digits-mar --image photo.png --mask mask.png --out edited',
    'tessera edit --model digits-mar --image digits/label-7-seed-1.png --place 0.25,0.25,0.75,0.75 --label 7 --out wider',
  ],
  positionals: [0, 0],
  run,
};

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const wishes = await readWishes({ command: 'edit', without: 'no class' }, args, terminal);
  const wish = await readEditWish(args);
  const toEdit = async (image: Parameters<typeof prepareEdit>[1]) => {
    const prepared = await prepareEdit(wish, image, WHO);
    return { edit: prepared, shown: [prepared.image, showKept(prepared)] };
  };
  return makeImages({ ...wishes, values: args.values, edit: toEdit }, terminal);
}

async function readEditWish({ values }: Arguments): Promise<EditWish> {
  const { mask, outside } = values;
  const region = {
    ...(values['box'] !== undefined && { box: readBox('--box', values['box']) }),
    ...(values['place'] !== undefined && { place: readBox('--place', values['place']) }),
    outside: outside === true,
  };
  checkRegion(region, mask !== undefined, WHO);
  const image = await readPicture(required('edit', '--image FILE', values['image']));
  return { image, ...region, ...(mask !== undefined && { mask: await readPicture(String(mask)) }) };
}

function readBox(option: string, value: string | boolean): number[] {
  const words = String(value).split(',');
  const numbers = words.map(Number);
  if (words.length === 4 && words.every(Boolean) && numbers.every(Number.isFinite)) return numbers;
  throw wrongOption(option, value, 'four numbers x0,y0,x1,y1 from 0 to 1');
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
