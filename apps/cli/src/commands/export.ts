import { exportModel, findModel } from '@tessera/models';
import type { Progress } from '@tessera/progress';
import type { Arguments, Command } from '../command.ts';
import { required } from '../numbers.ts';
import { requireWritable } from '../output-folder.ts';
import type { Terminal } from '../terminal.ts';

export const exportCommand: Command = {
  usage: 'MODEL --out DIR',
  options: {
    out: {
      type: 'string',
      value: 'DIR',
      help: 'folder for the official state dicts, one of the generator and one of the tokenizer',
    },
  },
  examples: ['tessera export digits-var --out official', 'tessera export models/mar-base --out official'],
  positionals: [1, 1],
  run,
};

async function run({ positionals: [name], values }: Arguments, terminal: Terminal): Promise<number> {
  const out = required('export', '--out DIR', values['out']);
  const { folder } = findModel(name!);
  await requireWritable(out);
  let progress: Progress | null = null;
  const { transformer, tokenizer } = await exportModel(folder, out, (tensors, of) => {
    progress ??= terminal.progress('export', of);
    progress.update(tensors, 'tensors written');
  });
  terminal.done();
  terminal.out(`Official names and layouts: ${transformer}, ${tokenizer}`);
  return 0;
}
