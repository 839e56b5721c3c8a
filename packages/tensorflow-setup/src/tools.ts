import { spawn } from 'node:child_process';
import { TesseraError } from '@tessera/errors';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { pipeline } from 'node:stream/promises';

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

export interface Download {
  readonly url: string;
  readonly sha256: string;
  /** Where the whole file goes; what is not whole yet lies beside it as `.part`. */
  readonly file: string;
}

export type Progress = (fraction: number, label: string) => void;

/**
 * Fetches a file, going on where an earlier attempt has stopped.
 * @throws TesseraError `download-failed`, `checksum-mismatch`; after the latter the next attempt starts from zero
 */
export async function download({ url, sha256, file }: Download, progress: Progress): Promise<void> {
  if (existsSync(file) && (await sha256Of(file)) === sha256) return;
  const part = `${file}.part`;
  await fetchRest(url, part, progress);
  const found = await sha256Of(part);
  if (found === sha256) return renameSync(part, file);
  rmSync(part);
  throw new TesseraError({
    code: 'checksum-mismatch',
    who: url,
    got: `sha256 ${found}`,
    expected: sha256,
    next: 'Run the setup again; if it happens again, do not trust the index that pip uses.',
  });
}

async function fetchRest(url: string, part: string, progress: Progress): Promise<void> {
  const had = existsSync(part) ? statSync(part).size : 0;
  try {
    const response = await fetch(url, had > 0 ? { headers: { Range: `bytes=${had}-` } } : {});
    if (response.status === 416) return; // nothing is left: the checksum decides
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    const start = response.status === 206 ? had : 0;
    const total = start + Number(response.headers.get('content-length') ?? 0);
    let done = start;
    const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
    body.on('data', (chunk: Buffer) => {
      done += chunk.length;
      progress(total > 0 ? done / total : 0, `${(done / 1e6).toFixed(0)} MB`);
    });
    await pipeline(body, createWriteStream(part, { flags: start > 0 ? 'a' : 'w' }));
  } catch (cause) {
    throw new TesseraError({
      code: 'download-failed',
      who: url,
      got: cause instanceof Error ? `${cause.message}${cause.cause ? ` (${String(cause.cause)})` : ''}` : String(cause),
      expected: 'the rest of the file',
      next: 'Run the setup again: it continues where it stopped.',
      cause,
    });
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
