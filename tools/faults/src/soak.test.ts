import { expect, it } from 'vitest';
import { soakFor } from './soak-server.ts';

it('memory and open files stay flat under five minutes of mixed load', { timeout: 600_000 }, async () => {
  const { growth, counts, samples } = await soakFor(300);
  expect(samples.length).toBeGreaterThan(100);
  expect(Object.keys(counts).sort()).toEqual(['cancel', 'delete', 'generate', 'hang up', 'list', 'mistakes']);
  expect(growth.handles).toBeLessThan(20);
  expect(growth.megabytes).toBeLessThan(100);
});

it('memory and open files stay flat under an hour of mixed load', { tags: ['long'], timeout: 4_000_000 }, async () => {
  const { growth } = await soakFor(3600);
  expect(growth.handles).toBeLessThan(20);
  expect(growth.megabytes).toBeLessThan(100);
});
