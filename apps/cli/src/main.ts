import { inspect } from 'node:util';
import { helpOf, nearestCommand, readCommandLine } from '@tessera/command-line';
import { causeStack, isTesseraError, describeRejection } from '@tessera/errors';
import type { Verb } from './command.ts';
import { processTerminal } from './terminal.ts';
import { verbs } from './verbs.ts';

const terminal = processTerminal();

/** The exit code that the command has for trouble; null where it has none of its own. */
let trouble: number | null = null;

function overview(): string[] {
  return [
    'tessera: autoregressive image generation, by one loop with swappable parts.',
    '',
    'Usage: tessera COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...verbs.map((verb) => `  ${verb.name.padEnd(11)}  ${verb.summary}`),
    '',
    'Examples:',
    '  tessera generate --model digits-var --label 7 --count 16 --seed 1 --out digits',
    '  tessera generate --help',
    '',
  ];
}

/** Runs one command line; returns the exit code: 0 done, 1 failed, 2 not understood, unless the command says otherwise. */
async function main(argv: readonly string[]): Promise<number> {
  const [first, second] = argv;
  if (first === undefined || ['help', '--help', '-h'].includes(first)) {
    if (first === 'help' && second !== undefined) return main([...argv.slice(1), '--help']);
    for (const line of overview()) terminal.out(line);
    return first === undefined ? 2 : 0;
  }
  const verb = verbOf(argv);
  if (verb === undefined) {
    const names = verbs.map(({ name }) => name);
    const near = nearestCommand(first, [...new Set(names.map((name) => name.split(' ')[0]!))]);
    // Where only verbs of two words begin with it, as keys, these are meant.
    const meant =
      near === null || names.includes(near) ? near : names.filter((name) => name.startsWith(`${near} `)).join(', ');
    const next = meant === null ? '' : ` Did you mean ${meant}?`;
    terminal.err(`[tessera] got the command ${first}; expected one of ${names.join(', ')}.${next} See tessera --help.`);
    return 2;
  }
  const meant = nearestPair(verb, second);
  if (meant !== null) {
    terminal.err(
      `[tessera] got the command ${first} ${second}; expected ${first} or ${meant}. Did you mean ${meant}? See tessera --help.`,
    );
    return 2;
  }
  const command = await verb.load();
  trouble = command.trouble ?? null;
  const line = { ...command, call: `tessera ${verb.name}`, summary: sentence(verb.summary) };
  const args = readCommandLine(line, argv.slice(verb.name.split(' ').length));
  if (args !== null) return command.run(args, terminal);
  for (const text of helpOf(line)) terminal.out(text);
  return 0;
}

/** `trace diff` goes before `trace`. */
function verbOf(argv: readonly string[]): Verb | undefined {
  const named = verbs.filter(({ name }) => name === argv.slice(0, name.split(' ').length).join(' '));
  return named.sort((a, b) => b.name.length - a.name.length)[0];
}

/** `trace diff` where `trace dif` was said; null where the second word is not near to that of a verb of two words. */
function nearestPair({ name }: Verb, second: string | undefined): string | null {
  const seconds = verbs.filter((verb) => verb.name.startsWith(`${name} `)).map((verb) => verb.name.split(' ')[1]!);
  const near = second === undefined || second.startsWith('-') ? null : nearestCommand(second, seconds);
  return near === null ? null : `${name} ${near}`;
}

function sentence(summary: string): string {
  return `${summary[0]!.toUpperCase()}${summary.slice(1)}.`;
}

// From the sources this is a child of bin/tessera.mjs. Where that was killed, it ends in order.
const endInOrder = () => process.kill(process.pid, 'SIGTERM');
process.once('disconnect', endInOrder);
process.channel?.unref();
if (process.connected === false) endInOrder();

const isAbort = (error: unknown): error is Error => error instanceof Error && error.name === 'AbortError';

// An error that a plug-in leaves unhandled must not end the work of others.
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
    process.exit(trouble ?? 1);
  }
  terminal.err(`${error.message} (${error.code})`);
  const stack = causeStack(error);
  for (const line of stack?.split('\n') ?? []) terminal.err(line);
  if (error.code === 'plugin-unknown') await (await import('./project.ts')).explainMissing(terminal);
  process.exitCode = trouble ?? (error.code === 'usage' ? 2 : 1);
}

// Timers and sockets of a plug-in do not keep a command alive that is done.
process.stdout.write('', (error) => {
  // Lines that are still to be written, as of unhandled rejections, are written first.
  if (!error) setImmediate(() => process.exit());
});
