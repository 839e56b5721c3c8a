import { spawn } from 'node:child_process';
import { TesseraError } from '@tessera/errors';

/** Runs a program to its end and gives what it printed. @throws TesseraError `tool-missing`, `tool-failed` */
export function runTool(command: string, args: readonly string[], folder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, complaints]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
    child.once('error', (cause) => reject(missing(command, cause)));
    child.once('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(failed([command, ...args].join(' '), code ?? signal, Buffer.concat(complaints).toString()));
    });
  });
}

/** The first of these programs that runs. @throws TesseraError `tool-missing` */
export async function findTool(
  candidates: readonly (readonly [command: string, ...args: string[]])[],
  { what, next }: { readonly what: string; readonly next: string },
): Promise<string> {
  for (const [command, ...args] of candidates) {
    const works = await runTool(command, args, '.').then(
      () => true,
      () => false,
    );
    if (works) return command;
  }
  throw new TesseraError({
    code: 'tool-missing',
    who: 'tessera setup tensorflow',
    got: `no ${what} (tried ${candidates.map(([command]) => command).join(', ')})`,
    expected: `${what} on the PATH`,
    next,
  });
}

function missing(command: string, cause: Error): TesseraError {
  return new TesseraError({
    code: 'tool-missing',
    who: 'tessera setup tensorflow',
    got: `no program ${command}`,
    expected: 'it on the PATH',
    cause,
  });
}

function failed(command: string, end: number | string | null, complaint: string): TesseraError {
  const lines = complaint
    .trim()
    .split('\n')
    .filter((text) => !/^(WARNING:|[IW]\d{4} )/.test(text)); // what TensorFlow says of itself
  const line = lines.find((text) => /error:/i.test(text)) ?? lines.at(-1) ?? '';
  return new TesseraError({
    code: 'tool-failed',
    who: 'tessera setup tensorflow',
    got: `${typeof end === 'string' ? 'signal' : 'exit code'} ${end} of \`${command.replace(/\s+/g, ' ').slice(0, 120)}\`${line ? `: ${line.trim().slice(0, 300)}` : ''}`,
    expected: 'exit code 0',
    next: 'Fix what it reports and run the setup again: it continues where it stopped.',
  });
}
