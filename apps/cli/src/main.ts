import { inspect } from 'node:util';
import { causeStack, isTesseraError, describeRejection } from '@tessera/errors';
import { commandHelp, parseCommand } from './command.ts';
import { processTerminal } from './terminal.ts';
import { verbs } from './verbs.ts';

const terminal = processTerminal();

function overview(): string[] {
  return [
    'tessera: autoregressive image generation, by one loop with swappable parts.',
    '',
    'Usage: tessera COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...verbs.map((verb) => `  ${verb.name.padEnd(10)} ${verb.summary}`),
    '',
    'Examples:',
    '  tessera generate --model digits-var --label 7 --count 16 --seed 1 --out digits',
    '  tessera generate --help',
    '',
  ];
}

/** Runs one command line; returns the exit code: 0 done, 1 failed, 2 not understood. */
async function main([name, ...argv]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    for (const line of overview()) terminal.out(line);
    return name === undefined ? 2 : 0;
  }
  const verb = verbs.find((candidate) => candidate.name === name);
  if (!verb) {
    const known = verbs.map((candidate) => candidate.name).join(', ');
    terminal.err(`[tessera] got the command ${name}; expected one of ${known}. See tessera --help.`);
    return 2;
  }
  const command = await verb.load();
  const args = parseCommand(name, command, argv);
  if (args.values['help'] === true) {
    for (const line of commandHelp(verb, command)) terminal.out(line);
    return 0;
  }
  return command.run(args, terminal);
}

const isAbort = (error: unknown): error is Error => error instanceof Error && error.name === 'AbortError';

// A promise that a plug-in left alone must not end what others do.
process.on('unhandledRejection', (error) => {
  terminal.err(describeRejection(error));
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  terminal.done();
  if (isAbort(error)) {
    terminal.err(error.message);
    process.exit(130);
  }
  if (!isTesseraError(error)) {
    for (const line of inspect(error).split('\n')) terminal.err(line);
    process.exit(1);
  }
  terminal.err(`${error.message} (${error.code})`);
  const stack = causeStack(error);
  for (const line of stack?.split('\n') ?? []) terminal.err(line);
  if (error.code === 'plugin-unknown') await (await import('./project-plugins.ts')).explainMissing(terminal);
  process.exitCode = error.code === 'usage' ? 2 : 1;
}

// Timers and sockets of a plug-in do not keep a command alive that is done.
process.stdout.write('', (error) => {
  // What is left to be said, such as unhandled rejections, is said first.
  if (!error) setImmediate(() => process.exit());
});
