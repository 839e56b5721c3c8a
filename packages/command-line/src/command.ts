import { Command as Commander, CommanderError, Option as CommanderOption } from 'commander';
import { isTesseraError, TesseraError } from '@tessera/errors';
import type { Option, Options, ValuesOf } from './options.ts';

/** What can be said on a command line, and the page of `--help` that shows it. */
export interface CommandLine<O extends Options = Options> {
  /** How the command is called: `tessera generate`, `npm run parity --`. */
  readonly call: string;
  /** Who refuses what it does not understand; left out: `call`. */
  readonly who?: string;
  readonly summary: string;
  readonly positionals?: Positionals;
  /** By their names in camel case: `stepsStrip` is `--steps-strip`. */
  readonly options: O;
  /** What follows the name, where required options do not tell it all: `--image FILE [--mask FILE | --box BOX]`. */
  readonly usage?: string;
  /** Lines between the options and the examples. */
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
}

export interface Positionals {
  /** How they are shown: `FILE`, `[NAME]`. */
  readonly usage: string;
  readonly least: number;
  readonly most: number;
}

/** What was said on a command line. */
export interface Arguments<O extends Options = Options> {
  readonly positionals: readonly string[];
  readonly values: ValuesOf<O>;
}

/**
 * Reads a command line by commander. Null where help is asked for.
 * @throws TesseraError `usage` for what is not understood, missing or given twice, `option` for a value that cannot be
 * read
 */
export function readCommandLine<O extends Options>(line: CommandLine<O>, argv: readonly string[]): Arguments<O> | null {
  const commander = commanderOf(line).argument('[words...]');
  try {
    commander.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return null;
    throw refusal(line, inOurWords(error, line));
  }
  const { least, most } = line.positionals ?? { least: 0, most: 0 };
  const positionals = commander.args;
  if (positionals.length < least || positionals.length > most) {
    throw refusal(line, { got: positionals.length === 0 ? 'no argument' : `the arguments ${positionals.join(' ')}` });
  }
  const given = commander.opts<Record<string, unknown>>();
  const values = Object.entries(line.options).map(([name, option]) => [name, valueOf(line, name, given[name], option)]);
  return { positionals, values: Object.fromEntries(values) as ValuesOf<O> };
}

function valueOf(line: CommandLine, name: string, given: unknown, option: Option<unknown>): unknown {
  if (option.value === null) return given === true;
  if (option.repeats) return given ?? [];
  if (option.required && given === undefined) {
    throw refusal(line, { got: `no ${shownOf(name, option)}`, expected: 'a value for it' });
  }
  return given;
}

/** The page of `--help`, line by line. */
export function helpOf(line: CommandLine): string[] {
  const page = commanderOf(line).helpInformation().trimEnd().split('\n');
  const notes = line.notes === undefined ? [] : [...line.notes, ''];
  return [line.summary, '', ...page, '', ...notes, 'Examples:', ...line.examples.map((one) => `  ${one}`), ''];
}

export interface Program<O extends Options> {
  readonly print: (line: string) => void;
  /** Returns the exit code. */
  run(given: Arguments<O>): Promise<number>;
}

/** Runs a program that is one command: 0 after its page of help, 2 where it was not understood, 1 where it failed. */
export async function runProgram<O extends Options>(
  line: CommandLine<O>,
  argv: readonly string[],
  { print, run }: Program<O>,
): Promise<number> {
  try {
    const given = readCommandLine(line, argv);
    if (given !== null) return await run(given);
    print(helpOf(line).join('\n'));
    return 0;
  } catch (error) {
    if (isTesseraError(error)) print(`${error.message} (${error.code})`);
    else print(error instanceof Error ? error.message : String(error));
    return isTesseraError(error) && error.code === 'usage' ? 2 : 1;
  }
}

/** The command that was probably meant; null where none is near. */
export function nearestCommand(word: string, names: readonly string[]): string | null {
  const commander = silentCommander('program');
  for (const name of names) commander.command(name);
  try {
    commander.parse([word], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return nearIn(error) ?? null;
    throw error;
  }
  return word;
}

/** Columns of a help page. */
const WIDTH = 120;

function commanderOf(line: CommandLine): Commander {
  const commander = silentCommander(line.call)
    .usage(usageOf(line))
    .configureHelp({ optionTerm: ({ flags }) => flags.replace(/[<>]/g, '') })
    .helpOption('-h, --help', 'show this page');
  for (const [name, option] of Object.entries(line.options)) {
    commander.addOption(commanderOption(line, name, option));
    if (!option.repeats) commander.on(`option:${kebab(name)}`, onceOnly(line, name, option));
  }
  return commander;
}

/** Refuses the second time: commander would silently take the last value. */
function onceOnly(line: CommandLine, name: string, option: Option<unknown>): () => void {
  let isGiven = false;
  return () => {
    const shown = shownOf(name, option);
    if (isGiven) throw refusal(line, { got: `${shown} twice`, expected: `${shown} once` });
    isGiven = true;
  };
}

/** Throws where commander would print and exit. */
function silentCommander(name: string): Commander {
  const output = { writeOut: () => undefined, writeErr: () => undefined, getOutHelpWidth: () => WIDTH };
  return new Commander(name).exitOverride().configureOutput(output);
}

function commanderOption(line: CommandLine, name: string, option: Option<unknown>): CommanderOption {
  const made = new CommanderOption(termOf(name, option), option.help);
  if (option.otherwise !== undefined) made.default(option.otherwise, String(option.otherwise));
  if (option.value === null) return made;
  return made.argParser((text, before) => {
    if (isOptionOf(line, text)) throw refusal(line, { got: `${shownOf(name, option)} without its value` });
    return option.read(text, { who: whoOf(line), option: `--${kebab(name)}`, before });
  });
}

/** Of `--count --json` the second word is no value: commander would take it for one. */
function isOptionOf({ options }: CommandLine, text: string): boolean {
  return Object.keys(options).some((name) => text === `--${kebab(name)}` || text.startsWith(`--${kebab(name)}=`));
}

interface Saying {
  readonly got: string;
  readonly expected?: string;
  /** The nearest name that would have been understood. */
  readonly near?: string;
}

/** What commander's errors say, as parts of a sentence of Tessera. */
function inOurWords(error: CommanderError, line: CommandLine): Saying {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? error.message;
  const near = nearIn(error);
  if (error.code === 'commander.optionMissingArgument')
    return { got: `${quoted.replace(/[<>]/g, '')} without its value` };
  const [name] = quoted.split('=');
  const isFlag = Object.entries(line.options).some(([one, { value }]) => value === null && `--${kebab(one)}` === name);
  if (isFlag) return { got: quoted, expected: `${name} alone, which takes no value` };
  return { got: `the unknown option ${quoted}`, ...(near !== undefined && { near }) };
}

/** What commander suggests: `(Did you mean --seed?)`, `(Did you mean one of --seed, --set?)`. */
function nearIn({ message }: CommanderError): string | undefined {
  return /Did you mean (?:one of )?(.+?)\?\)/.exec(message)?.[1]?.replaceAll(', ', ' or ');
}

function refusal(line: CommandLine, { got, expected, near }: Saying): TesseraError {
  const help = `See ${line.call} --help.`;
  return new TesseraError({
    code: 'usage',
    who: whoOf(line),
    got,
    expected: expected ?? `${line.call} ${usageOf(line)}`.trimEnd(),
    next: near === undefined ? help : `Did you mean ${near}? ${help}`,
  });
}

function whoOf({ who, call }: CommandLine): string {
  return who ?? call;
}

/** Positional arguments and required options; the rest is `[OPTIONS]`. */
function usageOf({ usage, positionals, options }: CommandLine): string {
  if (usage !== undefined) return usage;
  const all = Object.entries(options);
  const required = all.filter(([, option]) => option.required).map(([name, option]) => shownOf(name, option));
  const more = all.length > required.length ? ['[OPTIONS]'] : [];
  return [...(positionals ? [positionals.usage] : []), ...required, ...more].join(' ');
}

/** `--out <DIR>`, as commander reads it. */
function termOf(name: string, { value }: Option<unknown>): string {
  return value === null ? `--${kebab(name)}` : `--${kebab(name)} <${value}>`;
}

/** `--out DIR`, as people read it. */
function shownOf(name: string, option: Option<unknown>): string {
  return termOf(name, option).replace(/[<>]/g, '');
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
