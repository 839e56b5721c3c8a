import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openPglite } from '../database/pglite-engine.ts';
import { newDirectory } from '../testing/new-database.ts';
import { openSimulation, runSeeds } from './seeds.ts';

it('10,000 simulated storms break no promise', async () => {
  const directory = newDirectory();
  const engine = await openPglite(directory);
  await openSimulation(engine);
  const said = await runSeeds(engine, { first: 501, last: 10_500 });
  await engine.close();
  rmSync(directory, { recursive: true });
  expect(said).toBeNull();
}, 3_600_000);
