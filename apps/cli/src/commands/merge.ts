import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from '@tessera/command-line';
import { printable, TesseraError } from '@tessera/errors';
import { findModel } from '@tessera/models';
import { mergeAdapter } from '@tessera/training';
import { requireWritable } from '../common-options.ts';
import type { Command } from '../command.ts';

const options = {
  out: text({ value: 'DIR', required: true, help: 'model folder to write' }),
};

export const merge: Command<typeof options> = {
  positionals: { usage: 'MODEL ADAPTER', least: 2, most: 2 },
  options,
  examples: ['tessera merge digits-var runs/mine/adapter.safetensors --out models/mine'],
  async run({ positionals: [name, adapter], values: { out } }, terminal) {
    const { folder } = findModel(name!);
    await requireWritable(out);
    if (existsSync(join(out, 'model.json'))) {
      throw new TesseraError({
        code: 'model-exists',
        who: 'tessera merge',
        got: `${out}, which holds a model`,
        expected: 'a new folder',
        next: 'Choose another --out, or move the model away.',
      });
    }
    const { name: merged, classes } = await mergeAdapter(folder, adapter!, out);
    terminal.out(`${printable(merged, 120)}, of ${classes.length} classes, is in ${out}.`);
    return 0;
  },
};
