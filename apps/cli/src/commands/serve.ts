import { serveUntilStopped } from '@tessera/api';
import type { Arguments, Command } from '../command.ts';
import { integer } from '../numbers.ts';
import type { Terminal } from '../terminal.ts';

export const serve: Command = {
  usage: '[--port N]',
  options: {
    port: { type: 'string', value: 'N', help: 'port to listen on (default: PORT, else 4000)' },
  },
  examples: ['tessera serve', 'tessera serve --port 8080'],
  positionals: [0, 0],
  run,
};

async function run({ values }: Arguments, terminal: Terminal): Promise<number> {
  const port = values['port'] === undefined ? {} : { port: integer('--port', values['port'], 0, 65_535) };
  await serveUntilStopped(port, terminal);
  return 0;
}
