import type { Arguments, Options, CommandLine } from '@tessera/command-line';
import type { Terminal } from './terminal.ts';

/** A verb of `tessera`, known before its code is loaded: a page of help does not wait for an engine. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** What a verb understands and does. */
export interface Command<O extends Options = Options> extends Pick<
  CommandLine<O>,
  'positionals' | 'options' | 'usage' | 'notes' | 'examples'
> {
  /** Exit code where it fails; left out: 2 for what is not understood, else 1. */
  readonly trouble?: number;
  /** Returns the exit code. */
  run(args: Arguments<O>, terminal: Terminal): Promise<number>;
}
