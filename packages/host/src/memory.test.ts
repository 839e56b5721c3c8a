import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { imagesOfClasses } from '@tessera/request';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeFolders, startHost, type Host } from './index.ts';
import { writeRandomModel } from './testing/write-random-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-memory-'));
let host: Host;

beforeAll(async () => {
  const folders = ['a', 'b', 'c', 'large'].map((name) => join(folder, name));
  for (const name of ['a', 'b', 'c']) {
    await writeRandomModel(join(folder, name), { name, width: 32, depth: 1, channels: 1, step: 'set' });
  }
  await writeRandomModel(join(folder, 'large'), { name: 'large', width: 128, depth: 4, channels: 1, step: 'set' });
  const described = await describeFolders(folders, null);
  const { parameters } = described.models()[0]!;
  host = await startHost({ modelFolders: folders, described, modelBytes: 4 * 2 * parameters });
});

afterAll(async () => {
  await host?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Whether it had to be loaded, and which models are in memory then, the one used longest ago first. */
async function use(model: string): Promise<string> {
  let loads = 'has';
  for await (const event of host.generate({ model, images: imagesOfClasses([1]), seed: 3 })) {
    if (event.type === 'loading') loads = 'loads';
    if (event.type === 'failed') throw new Error(event.message);
  }
  return `${loads} ${host.loaded().join()}`;
}

it('keeps as many models as fit into the budget, and lets the one go that was used longest ago', async () => {
  const uses: string[] = [];
  for (const model of ['a', 'b', 'a', 'c', 'a', 'b', 'c']) uses.push(await use(model));
  expect(uses).toEqual(['loads a', 'loads a,b', 'has b,a', 'loads a,c', 'has c,a', 'loads a,b', 'loads b,c']);
});

it('runs a model that is larger than the budget, alone', async () => {
  expect(await use('large')).toBe('loads large');
  expect([await use('b'), await use('c')]).toEqual(['loads b', 'loads b,c']);
});

it('tells how much memory its process takes, as the system counts it', () => {
  const told = host.memoryBytes!;
  expect(told).toBeGreaterThan(50e6);
  if (process.platform !== 'linux') return;
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${host.pid}/status`, 'utf8'))!;
  // It was told within the last second.
  expect(told / (1024 * Number(resident[1]))).toBeCloseTo(1, 0);
});
