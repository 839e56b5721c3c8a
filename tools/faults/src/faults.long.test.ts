import { expect, it } from 'vitest';
import { faultsOf } from './faults.ts';

it('nothing is lost, doubled or changed: 1,000 rounds', { timeout: 3_600_000 }, async () => {
  const { seed, faults, generations, streams, events, restarted } = await faultsOf(1000);
  console.log(
    `faults: seed ${seed}, ${generations} generations, ${restarted} restarts, ${streams} streams, ${events} events`,
  );
  expect(faults).toEqual([]);
  expect(restarted).toBeGreaterThan(50);
});
