import { flag, integer, type Arguments } from '@tessera/command-line';
import type { Command } from '../command.ts';
import { readEngineOptions } from '../common-options.ts';
import { editOptions, readEdit } from '../edit-options.ts';
import { imageOptions, readImageRun } from '../image-options.ts';
import { makeImages } from '../make-images.ts';

/** How the images of a run are computed and shown. */
const outputOptions = {
  stepsStrip: flag('also write steps.png: how every image looked after each step'),
  animation: flag('also write steps.webp, an animation: how all images came about, together'),
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
    'tessera generate --model digits-var --label 0,1,2,3 --out digits --steps-strip --animation',
    "tessera generate --model ./birds --label 'tench, Tinca tinca' --label number:134 --count 8 --out birds",
    'tessera generate --model ./my-model --label cat --guidance 1.5 --set topK=900 --set topP=0.96 --out cats --json',
  ],
  async run({ values }, terminal) {
    return makeImages(
      {
        ...(await readImageRun(values, { who: 'tessera generate', otherwise: 'each class in turn' }, terminal)),
        ...outputOf(values),
      },
      terminal,
    );
  },
};

const redrawOptions = { ...editOptions, ...imageOptions('none'), ...outputOptions };

export const edit: Command<typeof redrawOptions> = {
  usage: '--model NAME --image FILE [--mask FILE | --box BOX [--outside] | --place BOX] --out DIR [OPTIONS]',
  options: redrawOptions,
  examples: [
    'tessera edit --model digits-var --image digits/label-7-seed-1.png --box 0,0.5,1,1 --label 3 --count 8 --out edited',
    'tessera edit --model digits-mar --image photo.png --mask mask.png --out edited',
    'tessera edit --model digits-mar --image digits/label-7-seed-1.png --place 0.25,0.25,0.75,0.75 --label 7 --out wider',
  ],
  async run({ values }, terminal) {
    const run = await readImageRun(values, { who: 'tessera edit', otherwise: 'no class' }, terminal);
    const edited = await readEdit(values, 'tessera edit');
    return makeImages({ ...run, ...outputOf(values), edit: edited }, terminal);
  },
};

/** What does not change the images themselves. */
function outputOf(values: Arguments<typeof generateOptions>['values']) {
  const { out, batch, stepsStrip: strip, animation, json } = values;
  return { out, batch, strip, animation, json, engine: readEngineOptions(values) };
}
