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

/** Told while a file arrives: the share of it that is there, from 0 to 1, and its size in words. */
export type DownloadProgress = (fraction: number, label: string) => void;

/**
 * Fetches a file, going on where an earlier attempt has stopped.
 * @throws TesseraError `download-failed`, `checksum-mismatch`; after the latter the next attempt starts from zero
 */
export async function download({ url, sha256, file }: Download, progress: DownloadProgress): Promise<void> {
  if (existsSync(file) && (await fileSha256(file)) === sha256) return;
  const part = `${file}.part`;
  await fetchRest(url, part, progress);
  const found = await fileSha256(part);
  if (found === sha256) return renameSync(part, file);
  rmSync(part);
  throw new TesseraError({
    code: 'checksum-mismatch',
    who: withoutLogin(url).href,
    got: `sha256 ${found}`,
    expected: sha256,
    next: 'Try again; if it happens again, do not trust the registry that it comes from.',
  });
}

async function fetchRest(url: string, part: string, progress: DownloadProgress): Promise<void> {
  const had = existsSync(part) ? statSync(part).size : 0;
  try {
    const response = await fetchWithLogin(url, had > 0 ? { Range: `bytes=${had}-` } : {});
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
      who: withoutLogin(url).href,
      got: reasonOf(cause),
      expected: 'the rest of the file',
      next: 'Try again: it continues where it stopped.',
      cause,
    });
  }
}

/** `fetch` takes no user and password inside of an address: they go into a header. */
export async function fetchWithLogin(url: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  const { username, password } = new URL(url);
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username ? { Authorization: `Basic ${Buffer.from(login).toString('base64')}` } : {};
  return fetch(withoutLogin(url), { headers: { ...headers, ...authorization } });
}

/** An address as it may be shown. */
export function withoutLogin(url: string): URL {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return shown;
}

/** Why `fetch` failed, in words. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return `${cause.message}${cause.cause ? ` (${String(cause.cause)})` : ''}`;
}

/** SHA-256 of a file in hexadecimal digits. */
export async function fileSha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
