import { roles, serveUntilStopped } from '@tessera/api';
import { choice, given, integer, type Arguments } from '@tessera/command-line';
import { PRECISION_CHOICES } from '@tessera/engine';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = {
  port: integer({ value: 'N', from: 0, to: 65_535, help: 'port to listen on (default: PORT, or 4000)' }),
  precision: choice({
    value: 'P',
    of: PRECISION_CHOICES,
    help: 'how models multiply: float32; int8, faster and less exact; auto: int8 for models from width 512 on, on x86 (default: TESSERA_PRECISION, or what each model says)',
  }),
  role: choice({
    value: 'ROLE',
    of: roles,
    help: 'what this process does: api answers and runs no models, worker runs models alone; both need DATABASE_URL (default: TESSERA_ROLE, or all)',
  }),
};

export const serve: Command<typeof options> = {
  options,
  notes: [
    'Serves GraphQL at /graphql, REST at /v1/generations, the routes of OpenAI at /v1/images, their description at',
    '/openapi.json, and the page. How to use them: apps/api/README.md.',
    'Variables, keys, PostgreSQL, several machines: docs/operations.md.',
  ],
  examples: ['tessera serve', 'tessera serve --port 8080', 'tessera serve --role worker'],
  async run({ values }: Arguments<typeof options>, terminal: Terminal) {
    await serveUntilStopped(given(values), (line) => terminal.out(line));
    return 0;
  },
};
