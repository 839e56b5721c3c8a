import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What `writeSafetensors` was writing when its process was killed. */
const DRAFT = /\.safetensors\.\d+\.tmp$/;

/** Removes the half-written weight files that an earlier run of this folder left behind when it was killed. */
export async function sweepDrafts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) if (DRAFT.test(name)) await rm(join(folder, name), { force: true });
}
