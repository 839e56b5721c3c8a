import { parseArgs, type ParseArgsConfig } from 'node:util';
import { TesseraError } from '@tessera/errors';
import type { Terminal } from './terminal.ts';

/** One option of a command, as parsed and as shown by `--help`. */
export interface Option {
  readonly type: 'string' | 'boolean';
  /** What stands behind the option in the help: `N`, `DIR`. */
  readonly value?: string;
  readonly help: string;
  readonly short?: string;
  /** May be said several times: `Arguments.lists` holds what was said. */
  readonly repeats?: true;
}

export interface Arguments {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** Of options that repeat, in the order in which they were said. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

/** A verb of `tessera`, known before its code is loaded: a help page should not wait for an engine. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** What a verb does. */
export interface Command {
  /** What stands behind the name in the help: `FILE [--json]`. */
  readonly usage: string;
  readonly options: Readonly<Record<string, Option>>;
  readonly examples: readonly string[];
  /** How many positional arguments it takes. */
  readonly positionals: readonly [least: number, most: number];
  /** Returns the exit code. */
  run(args: Arguments, terminal: Terminal): Promise<number>;
}

const HELP: Option = { type: 'boolean', short: 'h', help: 'show this page' };

/** Parses what follows the command's name. @throws TesseraError `usage` */
export function parseCommand(name: string, command: Command, argv: readonly string[]): Arguments {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [option, { type, short, repeats }] of Object.entries({ ...command.options, help: HELP })) {
    options[option] = { type, ...(short !== undefined && { short }), ...(repeats && { multiple: true }) };
  }
  const wrong = (got: string, cause?: unknown) =>
    new TesseraError({
      code: 'usage',
      who: `tessera ${name}`,
      got,
      expected: `tessera ${name} ${command.usage}`,
      next: `See tessera ${name} --help.`,
      cause,
    });
  let parsed: Arguments;
  try {
    parsed = asArguments(parseArgs({ args: joinNegatives(argv), options, allowPositionals: true, strict: true }));
  } catch (error) {
    throw wrong((error as Error).message.split('. ')[0]!.replace(/\.$/, ''), error);
  }
  const [least, most] = command.positionals;
  const count = parsed.positionals.length;
  if (parsed.values['help'] !== true && (count < least || count > most)) {
    throw wrong(count === 0 ? 'no argument' : `the arguments ${parsed.positionals.join(' ')}`);
  }
  return parsed;
}

type Parsed = ReturnType<typeof parseArgs>;

function asArguments({ positionals, values }: Parsed): Arguments {
  const entries = Object.entries(values);
  return {
    positionals,
    values: Object.fromEntries(entries.filter(([, value]) => !Array.isArray(value))) as Arguments['values'],
    lists: Object.fromEntries(entries.filter(([, value]) => Array.isArray(value))) as Arguments['lists'],
  };
}

/** parseArgs takes `--seed -1` for two options; `--seed=-1` says what was meant, so that our own checks can answer. */
function joinNegatives(argv: readonly string[]): string[] {
  const joined: string[] = [];
  for (const argument of argv) {
    const last = joined.at(-1);
    if (/^-\d/.test(argument) && last?.startsWith('--') && !last.includes('='))
      joined[joined.length - 1] = `${last}=${argument}`;
    else joined.push(argument);
  }
  return joined;
}

/** The page of one command, line by line. */
export function commandHelp({ name, summary }: Verb, command: Command): string[] {
  const rows = Object.entries({ ...command.options, help: HELP }).map(([key, option]) => {
    const left = `${option.short ? `-${option.short}, ` : ''}--${key}${option.value ? ` ${option.value}` : ''}`;
    return `  ${left.padEnd(26)} ${option.help}`;
  });
  return [
    summary,
    '',
    `Usage: tessera ${name} ${command.usage}`,
    '',
    'Options:',
    ...rows,
    '',
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
    '',
  ];
}
