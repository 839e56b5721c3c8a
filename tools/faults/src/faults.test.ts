import { expect, it } from 'vitest';
import { faultsOf } from './faults.ts';

it(
  'nothing is lost, doubled or changed while processes, connections, disk and clocks fail: 200 rounds',
  { timeout: 600_000 },
  async () => {
    const { faults, generations, restarted, events } = await faultsOf(200);
    expect(faults).toEqual([]);
    expect(generations).toBeGreaterThan(50);
    // Otherwise nothing was interrupted, and nothing was tested.
    expect(restarted).toBeGreaterThan(10);
    expect(events).toBeGreaterThan(1000);
  },
);

it('nothing is lost, doubled or changed: 1,000 rounds', { tags: ['long'], timeout: 3_600_000 }, async () => {
  const { seed, faults, generations, streams, events, restarted } = await faultsOf(1000);
  console.log(
    `faults: seed ${seed}, ${generations} generations, ${restarted} restarts, ${streams} streams, ${events} events`,
  );
  expect(faults).toEqual([]);
  expect(restarted).toBeGreaterThan(50);
});
