import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database, Store } from '@tessera/store';
import { newDatabase } from '@tessera/store/testing/new-database';
import { readLimits, type Limits } from './limits.ts';
import { quotas } from './quotas.ts';
import { openTestStore } from '../testing/open.ts';

const none = readLimits({});
const ownerOf = (client: string) => ({ tenant: 'acme', client });
const MEGA = 1e6;

it('bounds nothing where nothing is said, and takes whole numbers', () => {
  expect(Object.values(none)).toEqual([null, null, null, null, null]);
  expect(readLimits({ TESSERA_COST_PER_DAY: '500', TESSERA_SOCKETS_PER_CLIENT: '4' })).toEqual({
    ...none,
    costPerDay: 500,
    sockets: 4,
  });
  for (const wrong of ['0', '-1', '1.5', '1e3', 'many']) {
    expect(() => readLimits({ TESSERA_COST_PER_DAY: wrong })).toThrow(/^\[api\] got .+; expected .+\. .+\.$/);
  }
});

describe.each(['pglite', 'postgresql'])('quotas on %s', (kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-quotas-'));
  let store: Store;
  let database: Database;

  beforeAll(async () => {
    store = await openTestStore(kind === 'pglite' ? { directory: folder } : { url: await newDatabase() });
    ({ database } = store);
  });
  afterAll(async () => {
    await store?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const by = (limits: Partial<Limits>) => quotas(database, () => ({ ...none, ...limits }));

  it('charge pixels times steps, for all replicas together, and each client for itself', async () => {
    const [one, other] = [by({ costPerDay: 100 }), by({ costPerDay: 100 })];
    const owner = ownerOf('a');
    await one.chargeGeneration(owner, 60 * MEGA);
    const refusal: unknown = await other.chargeGeneration(owner, 41.5 * MEGA).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'quota-exceeded',
      message: expect.stringMatching(
        /^\[createGeneration\] got 41\.5 more on top of 60; expected at most 100 megapixel-steps in 24 hours\. Send it again in \d+ s\.$/,
      ) as string,
    });
    const { retryAfter } = (refusal as { parts: { retryAfter: number } }).parts;
    expect(retryAfter).toBeGreaterThan(86_000);
    expect(retryAfter).toBeLessThanOrEqual(86_400);
    await other.chargeGeneration(ownerOf('b'), 100 * MEGA);
    // What was refused was not counted.
    await other.chargeGeneration(owner, 40 * MEGA);
    await expect(one.chargeGeneration(owner, 1)).rejects.toMatchObject({ code: 'quota-exceeded' });
  });

  it('give back what came to nothing', async () => {
    const { chargeGeneration } = by({ costPerDay: 10 });
    const refund = await chargeGeneration(ownerOf('c'), 10 * MEGA);
    await expect(chargeGeneration(ownerOf('c'), MEGA)).rejects.toMatchObject({ code: 'quota-exceeded' });
    await refund();
    await chargeGeneration(ownerOf('c'), 10 * MEGA);
  });

  it('never take what is more than all of it, and say no time for that', async () => {
    const refusal: unknown = await by({ costPerDay: 10 })
      .chargeGeneration(ownerOf('d'), 11 * MEGA)
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'quota-too-small',
      message: expect.stringContaining('Ask for less at once.') as string,
    });
    expect((refusal as { parts: object }).parts).not.toHaveProperty('retryAfter');
  });

  it('count uploads apart from generations', async () => {
    const { chargeUpload, chargeGeneration } = by({ uploadMegabytesPerDay: 1, costPerDay: 1 });
    await chargeUpload(ownerOf('e'), MEGA);
    await chargeGeneration(ownerOf('e'), MEGA);
    await expect(chargeUpload(ownerOf('e'), 1)).rejects.toThrow('[uploads] got');
  });

  it('lose nothing where many charge at once', async () => {
    const { chargeGeneration } = by({ costPerDay: 10 });
    const all = Array.from({ length: 30 }, () => chargeGeneration(ownerOf('f'), MEGA));
    const taken = (await Promise.allSettled(all)).filter(({ status }) => status === 'fulfilled');
    expect(taken.length).toBeLessThanOrEqual(10);
    const { rows } = await database.query<{ points: number }>(`SELECT points FROM quota WHERE key = 'cost:f'`);
    expect(rows[0]!.points).toBe(taken.length);
  });

  it('count requests of a minute in memory', async () => {
    const { countRequest } = by({ requestsPerMinute: 2 });
    expect([await countRequest(ownerOf('g')), await countRequest(ownerOf('g'))]).toEqual([null, null]);
    const refusal = (await countRequest(ownerOf('g')))!;
    expect([refusal.code, refusal.parts.retryAfter! <= 60]).toEqual(['rate-exceeded', true]);
    expect(await countRequest(ownerOf('h'))).toBe(null);
  });
});
