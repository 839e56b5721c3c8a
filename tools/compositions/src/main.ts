import { resolve } from 'node:path';
import { flag, integer, runProgram, text } from '@tessera/command-line';
import { createEngine } from '@tessera/targets';
import { writeCompositions } from './compositions.ts';
import { openDigitsSetup } from './digits-setup.ts';
import { STEPS } from './page.ts';

const line = {
  call: 'npm run compositions --',
  who: 'compositions',
  summary:
    'Train every combination of the built-in parts that runs, and write docs/compositions.md with a picture of each.',
  options: {
    fresh: flag('also train what was trained of the same before'),
    steps: integer({ value: 'N', from: 1, to: 1_000_000, otherwise: STEPS, help: 'training steps of each' }),
    docs: text({ value: 'DIR', otherwise: 'docs', help: 'where the page and its pictures go' }),
    models: text({ value: 'DIR', otherwise: 'models', help: 'the shipped models, whose tokenizers are shared' }),
  },
  examples: ['npm run compositions', 'npm run compositions -- --steps 20 --docs /tmp/docs'],
} as const;

process.exitCode = await runProgram(line, process.argv.slice(2), {
  print: (text) => console.log(text),
  async run({ values: { fresh, steps, docs, models } }) {
    const engine = createEngine({ threads: 1 });
    const folder = resolve('runs/compositions');
    const note = (sentence: string) => console.log(sentence);
    const setup = await openDigitsSetup({ engine, models: resolve(models), folder, steps, note });
    await writeCompositions({
      setup,
      docs: resolve(docs),
      folder,
      fresh,
      stream: process.stderr,
      print: printAboveBar,
    });
    setup.dispose();
    engine.dispose();
    return 0;
  },
});

/** A line in the place of the progress bar, which is drawn again below it. */
function printAboveBar(text: string): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K');
  console.log(text);
}
