import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { pipeline } from 'node:stream/promises';
import { TesseraError } from '@tessera/errors';

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
