import { text } from '@tessera/command-line';
import { printable } from '@tessera/errors';
import { findModel, quantizeModel } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { requireWritable } from '../common-options.ts';
import { projectPlugins } from '../project.ts';
import type { Command } from '../command.ts';

const options = {
  out: text({ value: 'DIR', required: true, help: 'model folder to write' }),
};

export const quantize: Command<typeof options> = {
  positionals: { usage: 'MODEL', least: 1, most: 1 },
  options,
  notes: [
    'Linear layers of backbone and head become a quarter of their size; all else stays as it is. The folder makes the images that',
    '`tessera generate --precision int8` makes of the model. It can be neither trained nor exported. See docs/precision.md.',
  ],
  examples: ['tessera quantize digits-var --out models/digits-var-int8'],
  async run({ positionals: [name], values: { out } }, terminal) {
    const { folder } = findModel(name!);
    await requireWritable(out);
    const engine = createEngine({ target: 'onnx', precision: 'int8' });
    try {
      const plugins = await projectPlugins(terminal);
      const { before, after } = await quantizeModel(folder, out, { engine, plugins });
      const share = Math.round((100 * after) / before);
      terminal.out(
        `${printable(name!, 120)} in int8 is in ${out}: ${megabytes(after)}, ${share}% of ${megabytes(before)}.`,
      );
      return 0;
    } finally {
      engine.dispose();
    }
  },
};

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
