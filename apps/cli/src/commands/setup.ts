import { setupTensorFlow } from '@tessera/tensorflow-setup';
import { TesseraError } from '@tessera/errors';
import type { Arguments, Command } from '../command.ts';
import type { Terminal } from '../terminal.ts';

export const setup: Command = {
  usage: 'tensorflow [--gpu]',
  options: { gpu: { type: 'boolean', help: 'with CUDA, for a machine with an NVIDIA GPU' } },
  examples: ['tessera setup tensorflow', 'tessera setup tensorflow --gpu'],
  positionals: [1, 1],
  run,
};

async function run({ positionals: [what], values }: Arguments, terminal: Terminal): Promise<number> {
  if (what !== 'tensorflow') {
    throw new TesseraError({ code: 'usage', who: 'tessera setup', got: String(what), expected: 'tensorflow' });
  }
  const progress = terminal.progress('download', 100);
  await setupTensorFlow({
    variant: values['gpu'] === true ? 'gpu' : 'cpu',
    say: (line) => terminal.out(line),
    progress: (fraction, label) => progress.update(100 * fraction, `%, ${label}`),
  });
  terminal.done();
  return 0;
}
