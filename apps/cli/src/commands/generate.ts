import type { Arguments, Command } from '../command.ts';
import { imageOptions, modelOption, readWishes } from '../image-options.ts';
import { makeImages } from '../make-images.ts';
import type { Terminal } from '../terminal.ts';

export const generate: Command = {
  usage: '--model NAME --out DIR [--label L] [--count N] [--seed S]',
  options: {
    model: modelOption,
    label: {
      type: 'string',
      value: 'L',
      help: 'class: a number, a name, a list 0,1,2, or none (default: each in turn)',
    },
    ...imageOptions,
  },
  examples: [
    'tessera generate --model digits-var --label 7 --count 16 --seed 1 --out digits',
    'tessera generate --model digits-var --label 0,1,2,3 --count 4 --out digits --steps-strip',
    'tessera generate --model ./my-model --label cat --guidance 1.5 --set topK=900 --set topP=0.96 --out cats --json',
  ],
  positionals: [0, 0],
  run,
};

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  return makeImages({ ...(await readWishes({ command: 'generate' }, args, terminal)), values: args.values }, terminal);
}
