import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest } from '@tessera/models';

/**
 * Fills a model's folder again, and takes away a card that speaks of other weights: its figures and pictures are those of
 * an earlier model.
 */
export async function withoutStaleCard(folder: string, fill: () => Promise<void>): Promise<void> {
  const before = await weightHashes(folder);
  await fill();
  if (before === null || before === (await weightHashes(folder))) return;
  for (const name of ['README.md', 'images']) await rm(join(folder, name), { recursive: true, force: true });
}

async function weightHashes(folder: string): Promise<string | null> {
  if (!existsSync(join(folder, 'model.json'))) return null;
  const { tokenizer, backbone, head } = await readManifest(folder);
  return JSON.stringify([tokenizer, backbone, head].map(({ weights }) => weights?.sha256));
}
