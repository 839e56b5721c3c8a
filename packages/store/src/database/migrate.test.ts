import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { describe, expect, it } from 'vitest';
import { openStore } from '../index.ts';
import { newDirectory } from '../testing/new-database.ts';
import { workerState } from '../testing/requests.ts';
import { migrations } from './migrations.ts';

const idOf = (digit: number) => `00000000-0000-4000-8000-00000000000${digit}`;

/** What the Tessera of before the queue has written, with its statements, in the first three versions of the tables. */
async function earlier(directory: string): Promise<void> {
  const pglite = await PGlite.create(join(directory, 'database'));
  await pglite.exec('CREATE TABLE migration (version integer PRIMARY KEY)');
  for (const [i, sql] of migrations.slice(0, 3).entries()) {
    await pglite.exec(`${sql} INSERT INTO migration (version) VALUES (${i + 1});`);
  }
  const images = [{ condition: { kind: 'class', label: 3 } }, { condition: { kind: 'none' } }];
  const request = JSON.stringify({ model: 'm', images, seed: 5 });
  const insert = 'INSERT INTO generation (id, model, request, state, last_seq, images) VALUES ($1, $2, $3, $4, $5, $6)';
  const event = 'INSERT INTO event (generation_id, seq, kind, payload) VALUES ($1, $2, $3, $4)';
  const step = { index: 0, of: 1, positions: [[0]], previews: ['preview', null], milliseconds: 1 };
  const logs: readonly (readonly [string, readonly (readonly [string, object])[]])[] = [
    [
      'completed',
      [
        ['queued', {}],
        ['started', {}],
        ['step', step],
        ['completed', { images: ['one', 'two'], timings: {} }],
      ],
    ],
    [
      'running',
      [
        ['queued', {}],
        ['started', {}],
        ['step', { ...step, previews: null }],
      ],
    ],
    ['queued', [['queued', {}]]],
    ['queued', [['queued', {}]]],
  ];
  for (const [i, [state, events]] of logs.entries()) {
    const finished = state === 'completed' ? ['one', 'two'] : [];
    await pglite.query(insert, [idOf(i), 'm', request, state, events.length, JSON.stringify(finished)]);
    for (const [nth, [kind, payload]] of events.entries()) {
      await pglite.query(event, [idOf(i), nth + 1, kind, JSON.stringify(payload)]);
    }
  }
  await pglite.query("INSERT INTO upload (id, height, width) VALUES ('upload', 2, 3)");
  await pglite.close();
}

describe('a data directory of an earlier Tessera', () => {
  it('is brought up to date with its generations, pictures and uploads', async () => {
    const directory = newDirectory();
    await earlier(directory);
    const store = await openStore({ directory });
    const { generations } = await store.generations.list(
      { tenant: '' },
      { count: 9, direction: 'newer', cursor: null },
    );
    expect(generations.map(({ id, state }) => [id, state]).reverse()).toEqual([
      [idOf(0), 'completed'],
      [idOf(1), 'failed'],
      [idOf(2), 'queued'],
      [idOf(3), 'queued'],
    ]);
    const events = await store.generations.eventsAfter([0, 1].map((i) => ({ id: idOf(i), after: 2, most: 9 })));
    expect(events.get(idOf(0))!.map(({ kind }) => kind)).toEqual(['step', 'completed']);
    expect(events.get(idOf(1))).toMatchObject([
      { seq: 3, kind: 'step' },
      { seq: 4, kind: 'failed', code: 'interrupted', message: expect.stringMatching(/^\[api\] got the end of/) },
    ]);
    expect(await store.generations.find(idOf(1), '')).toMatchObject({ lastSeq: 4, failure: { code: 'interrupted' } });
    const shas = ['one', 'two', 'preview', 'upload', 'other'];
    expect([...(await store.pictures.find(shas, '')).keys()].sort()).toEqual(['one', 'preview', 'two', 'upload']);
    expect((await store.pictures.find(['upload'], '')).get('upload')).toMatchObject({ width: 3, height: 2 });
    await store.queue.register({ id: 'w', name: 'w', state: workerState });
    // It is unknown which of them may share a batch.
    for (const i of [2, 3]) {
      const claims = await store.queue.claim({ worker: 'w', models: ['m'], maxImages: 64 });
      expect(claims).toMatchObject([{ id: idOf(i), request: { seed: 5 } }]);
    }
    await store.close();
    rmSync(directory, { recursive: true });
  });

  it('keeps what its own worker ran for the next start, at once', async () => {
    const directory = newDirectory();
    await earlier(directory);
    for (const attempt of [1, 2]) {
      const store = await openStore({ directory });
      await store.queue.reap();
      await store.queue.register({ id: `w${attempt}`, name: 'w', state: workerState });
      const claims = await store.queue.claim({ worker: `w${attempt}`, models: ['m'], maxImages: 64 });
      expect(claims).toMatchObject([{ id: idOf(2), attempt }]);
      await store.close();
    }
    rmSync(directory, { recursive: true });
  });

  it('of a newer Tessera is refused', async () => {
    const directory = newDirectory();
    const store = await openStore({ directory });
    await store.database.query('INSERT INTO migration (version) VALUES (1000)');
    await store.close();
    await expect(openStore({ directory })).rejects.toMatchObject({
      message: expect.stringMatching(/^\[store\] got a database of version 1000; expected at most \d+\. Use the newer/),
    });
    rmSync(directory, { recursive: true });
  });
});

it('where there is neither a database nor a folder, one is asked for', async () => {
  await expect(openStore({})).rejects.toMatchObject({
    code: 'database-not-named',
    message: expect.stringMatching(/ Set DATABASE_URL or TESSERA_DATA\.$/),
  });
});
