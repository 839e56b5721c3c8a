import { readCommandLine } from '@tessera/command-line';
import { silentProgress } from '@tessera/progress';
import type { Command } from '../command.ts';

/** What a command printed. */
interface Printed {
  readonly lines: readonly string[];
  readonly notes: readonly string[];
}

/** Runs a command in this process. Throws what it throws, and an Error where its exit code is not 0. */
export async function runCommand(command: Command, call: string, argv: readonly string[]): Promise<Printed> {
  const [lines, notes]: [string[], string[]] = [[], []];
  const terminal = {
    out: (line: string) => void lines.push(line),
    err: (line: string) => void notes.push(line),
    progress: () => silentProgress,
    done: () => undefined,
  };
  const args = readCommandLine({ ...command, call, summary: '' }, argv)!;
  const code = await command.run(args, terminal);
  if (code !== 0) throw new Error(`${call} ended with ${code}: ${notes.join('\n')}`);
  return { lines, notes };
}
