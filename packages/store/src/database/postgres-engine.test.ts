import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore, type Append, type Claimed, type Store } from '../index.ts';
import { newDatabase } from '../testing/new-database.ts';
import { openedInTests, until } from '../testing/opened-in-tests.ts';
import { requireVersion } from './database-url.ts';
import { startPostgres, type TestPostgres } from '../testing/postgres.ts';
import { enqueue, newGeneration, roomy, stepBody, workerState } from '../testing/requests.ts';

const open = openedInTests();

describe('a PostgreSQL server', () => {
  it('that does not answer, or refuses, is named in one sentence without its password', async () => {
    const there = await newDatabase();
    const stranger = there.replace(/\/\/.*@/, '//stranger:secret@');
    const notUrl = /^\[store\] got DATABASE_URL that is not a URL; expected a URL of PostgreSQL\. Write it like/;
    for (const [url, code, sentence] of [
      [
        'postgres://user:secret@127.0.0.1:1/x',
        'database-unreachable',
        /^\[store\] got no answer .*127.0.0.1:1\/x \(.*Start/,
      ],
      ['foo', 'database-url-invalid', notUrl],
      ['postgres://user:secret@127.0.0.1:x', 'database-url-invalid', notUrl],
      [
        'https://user:secret@example.org/x',
        'database-url-invalid',
        /got DATABASE_URL of the protocol https:; expected/,
      ],
      [
        stranger,
        'database-refused',
        /^\[store\] got a refusal of PostgreSQL at .*"stranger".*; expected a user and a password/,
      ],
      [
        `${there}_not`,
        'database-missing',
        /^\[store\] got no such database .*_not.*; expected a database that is there/,
      ],
    ] as const) {
      const refusal = await openStore({ url }).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code, message: expect.stringMatching(sentence) as string });
      expect((refusal as Error).message).not.toContain('secret');
    }
  });

  it('that is too old is refused', () => {
    const refused = () => requireVersion('postgres://user:secret@host:5/x', 130_023);
    expect(refused).toThrow(
      '[store] got PostgreSQL 13 at postgres://host:5/x; expected PostgreSQL 14 or newer. Bring it',
    );
    expect(() => requireVersion('postgres://host/x', 140_000)).not.toThrow();
  });

  it('is brought up to date once by many processes that start together', async () => {
    const url = await newDatabase();
    const all = await Promise.all(Array.from({ length: 8 }, () => open(url)));
    const { rows } = await all[0]!.database.query<{ version: number }>(
      'SELECT version FROM migration ORDER BY version',
    );
    expect(rows.map(({ version }) => version)).toEqual(rows.map((_, i) => i + 1));
    expect(rows.length).toBeGreaterThan(4);
  });

  it('of a newer Tessera is refused', async () => {
    const url = await newDatabase();
    const store = await open(url);
    await store.database.query('INSERT INTO migration (version) VALUES (1000)');
    await expect(openStore({ url })).rejects.toMatchObject({ code: 'database-too-new' });
    expect(await store.ready()).toBe(true);
  });

  it('waits for the disk at each commit', async () => {
    const store = await open(await newDatabase());
    expect((await store.database.query('SHOW synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }]);
  });
});

describe('a server that is cut, restarted or killed', () => {
  let postgres: TestPostgres;
  beforeAll(async () => void (postgres = await startPostgres()), 60_000);
  afterAll(() => postgres.stop());

  const appender = async (store: Store) => {
    const [id] = await enqueue(store, [{}]);
    await store.queue.register({ id: 'w', name: 'w', state: workerState });
    const [claim] = (await store.queue.claim({ worker: 'w', models: ['m'], maxImages: 1 })) as [Claimed];
    const written: Append[] = [];
    let stopped = false;
    /** As a worker does it: the same call again until it is answered. */
    const run = async () => {
      while (!stopped) {
        const seq = written.length + 2;
        const event: Append = { ...claim, seq, body: stepBody(seq), tokens: Uint8Array.of(seq % 256) };
        await until(async () => {
          const lost = await store.queue.append([event]).catch(() => null);
          expect(lost ?? []).toEqual([]);
          return lost !== null;
        });
        written.push(event);
      }
    };
    const running = run();
    const stop = async () => {
      stopped = true;
      await running;
      return { id: id!, written };
    };
    return { stop, written };
  };

  it.each([
    ['cut connections', (store: Store) => cutAll(store)],
    ['a restart', () => postgres.restart()],
    ['a kill', () => postgres.kill().then(() => postgres.start())],
  ])('loses and doubles nothing: %s in the middle of appends', async (_, hurt) => {
    const store = await open(await postgres.database());
    const { stop, written } = await appender(store);
    for (let round = 0; round < 3; round++) {
      const before = written.length;
      await until(() => written.length > before + 20);
      await hurt(store);
    }
    const { id } = await stop();
    const events = await store.generations.eventsAfter([{ id, after: 0, most: 1_000_000 }]);
    expect(events.get(id)!.map(({ seq }) => seq)).toEqual(Array.from({ length: written.length + 1 }, (__, i) => i + 1));
    const indices = events.get(id)!.map((event) => (event.kind === 'step' ? event.index : null));
    expect(indices.slice(1)).toEqual(written.map(({ seq }) => seq));
    const { rows } = await store.database.query<{ tokens: Uint8Array }>('SELECT tokens FROM step_tokens ORDER BY seq');
    expect(rows.map(({ tokens }) => tokens[0])).toEqual(written.map(({ seq }) => seq % 256));
  });

  it('repeats what came during a restart, so that a client notices nothing', async () => {
    const store = await open(await postgres.database());
    const restarted = postgres.restart();
    const made = Array.from({ length: 20 }, () => store.generations.create(newGeneration(), roomy));
    await restarted;
    expect((await Promise.all(made)).every(({ existed }) => !existed)).toBe(true);
    expect(await store.generations.count({ tenant: null })).toBe(20);
  });

  it('takes no worker for dead that could not beat while it was down', async () => {
    const store = await open(await postgres.database(), { leaseMs: 2000 });
    await enqueue(store, [{}]);
    await store.queue.register({ id: 'w', name: 'w', state: workerState });
    await store.queue.claim({ worker: 'w', models: ['m'], maxImages: 1 });
    await postgres.kill();
    const started = sleep(2000).then(() => postgres.start());
    // Its first answer comes after longer than a lease without beats.
    let moved: number | null = null;
    await until(async () => (moved = await store.queue.reap().catch(() => null)) !== null);
    await started;
    expect(moved).toBe(0);
    // A lease after the last connection came back, and not before.
    const back = performance.now();
    await until(async () => (moved = await store.queue.reap()) > 0);
    expect(moved).toBe(1);
    expect(performance.now() - back).toBeGreaterThan(1500);
  });

  it(
    'that hangs for longer than it is waited for makes no worker dead, loses nothing, and is said',
    { tags: ['long'] },
    async () => {
      const store = await open(await postgres.database(), { leaseMs: 2000 });
      const { stop } = await appender(store);
      const beats = setInterval(() => void store.queue.beat('w', workerState).catch(() => undefined), 500);
      const reaps: Promise<number | null>[] = [];
      const reap = () => reaps.push(store.queue.reap().catch(() => null));
      const reaping = setInterval(reap, 500);
      await sleep(1000);
      // One is under way when it begins.
      reap();
      postgres.hang();
      const ready = store.ready();
      await sleep(11_000);
      expect(await ready).toBe(false);
      postgres.wake();
      await until(() => store.ready());
      await sleep(3000);
      for (const timer of [beats, reaping]) clearInterval(timer);
      const { id, written } = await stop();
      expect((await Promise.all(reaps)).filter((moved) => moved !== null && moved > 0)).toEqual([]);
      const events = await store.generations.eventsAfter([{ id, after: 0, most: 1_000_000 }]);
      expect(events.get(id)!.map(({ seq }) => seq)).toEqual(
        Array.from({ length: written.length + 1 }, (_, i) => i + 1),
      );
    },
  );

  it('fails with `storage-failed` while it is away for long, and works afterwards', { tags: ['long'] }, async () => {
    const store = await open(await postgres.database());
    await postgres.kill();
    const calls = [
      store.generations.create(newGeneration(), roomy),
      store.queue.reap(),
      store.database.query('SELECT 1'),
    ];
    for (const answer of await Promise.allSettled(calls)) {
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'storage-failed' } });
    }
    expect(await store.ready()).toBe(false);
    await postgres.start();
    await until(() => store.ready());
    await enqueue(store, [{}]);
  });

  it('says mistakes in statements as they are', async () => {
    const store = await open(await postgres.database());
    await expect(store.database.query('SELECT nothing FROM nowhere')).rejects.toMatchObject({ code: '42P01' });
  });
});

async function cutAll(store: Store): Promise<void> {
  const { rows } = await store.database.query<{ name: string }>('SELECT current_database() AS name');
  const url = new URL(
    (await store.database.query<{ port: string }>("SELECT current_setting('port') AS port")).rows[0]!.port,
    'http://x',
  );
  const client = new pg.Client(`postgres://postgres@127.0.0.1:${url.pathname.slice(1)}/postgres`);
  await client.connect();
  await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [rows[0]!.name]);
  await client.end();
}
