import { flag, integer, text, type Arguments } from '@tessera/command-line';
import { openData, readRecipe, writeDataFolder } from '@tessera/training';
import type { Command } from '../command.ts';
import { requireWritable } from '../common-options.ts';
import type { Terminal } from '../terminal.ts';

const options = {
  out: text({ value: 'DIR', required: true, help: 'a folder for the pictures, empty or new' }),
  count: integer({
    value: 'N',
    from: 1,
    to: 1e9,
    otherwise: 20,
    help: 'the most pictures of each class in each split',
  }),
  json: flag('print the result as one JSON object'),
} as const;

export const data: Command<typeof options> = {
  positionals: { usage: 'RECIPE', least: 1, most: 1 },
  options,
  examples: [
    'tessera data recipes/digits-var.json --out out/digits',
    'tessera data recipes/avatars-var.json --out out/avatars --count 100',
  ],
  run,
};

async function run({ positionals: [file], values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const { out, count, json } = values;
  const { recipe, folder } = await readRecipe(file!);
  await requireWritable(out);
  const progress = (label: string) => (total: number) => terminal.progress(label, total);
  const opened = await openData(recipe.data, { folder, seed: recipe.seed, progress });
  const { pictures, classes } = await writeDataFolder(opened, { out, count, progress });
  if (json) terminal.out(JSON.stringify({ out, pictures, classes }));
  else terminal.out(`${pictures} pictures of ${classes} classes; see sheet.png and metadata.jsonl in ${out}`);
  return 0;
}
