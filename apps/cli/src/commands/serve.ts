import { serveUntilStopped } from '@tessera/api';
import { given, integer, type Arguments } from '@tessera/command-line';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = {
  port: integer({ value: 'N', from: 0, to: 65_535, help: 'port to listen on (default: PORT, or 4000)' }),
};

export const serve: Command<typeof options> = {
  options,
  examples: ['tessera serve', 'tessera serve --port 8080'],
  async run({ values }: Arguments<typeof options>, terminal: Terminal) {
    await serveUntilStopped(given(values), (line) => terminal.out(line));
    return 0;
  },
};
