import type { Arguments, Command } from '../command.ts';
import { imageOptions, modelOption, readWishes } from '../image-options.ts';
import { labelOption } from '../labels.ts';
import { makeImages } from '../make-images.ts';
import type { Terminal } from '../terminal.ts';

export const generate: Command = {
  usage: '--model NAME --out DIR [--label L] [--count N] [--seed S]',
  options: {
    model: modelOption,
    label: labelOption('each in turn'),
    ...imageOptions,
  },
  examples: [
    'tessera generate --model digits-var --label 7 --count 16 --seed 1 --out digits',
    'tessera generate --model digits-var --label 0,1,2,3 --out digits --steps-strip',
    "tessera generate --model ./birds --label 'tench, Tinca tinca' --label number:134 --count 8 --out birds",
    'tessera generate --model ./my-model --label cat --guidance 1.5 --set topK=900 --set topP=0.96 --out cats --json',
  ],
  positionals: [0, 0],
  run,
};

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  return makeImages(
    {
      ...(await readWishes({ command: 'generate', without: 'each class in turn' }, args, terminal)),
      values: args.values,
    },
    terminal,
  );
}
