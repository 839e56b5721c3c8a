import { expect, it } from 'vitest';
import { soakFor } from './soak-server.ts';

it('memory and open files stay flat under an hour of mixed load', { timeout: 4_000_000 }, async () => {
  const { growth } = await soakFor(3600);
  expect(growth.handles).toBeLessThan(20);
  expect(growth.megabytes).toBeLessThan(100);
});
