import { expect, it } from 'vitest';
import { defaultOptions, homeOf } from './server-options.ts';
import { startServer } from './server.ts';

it('listens to this machine alone where nothing is said', () => {
  expect(defaultOptions({})).toMatchObject({ port: 4000, address: '127.0.0.1', hosts: [] });
  expect(defaultOptions({ HOST: '', TESSERA_HOSTS: '' })).toMatchObject({ address: '127.0.0.1', hosts: [] });
});

it('keeps its data out of node_modules', () => {
  expect(homeOf('file:///project/node_modules/@tessera/api/dist/server-options.js')).toBe(process.cwd());
  expect(homeOf('file:///tessera/apps/api/dist/server-options.js')).toBe('/tessera/');
});

it('reads host names as browsers send them', () => {
  const hosts = (text: string) => defaultOptions({ TESSERA_HOSTS: text }).hosts;
  expect(hosts(' Tessera.example,192.0.2.7, [2001:db8::7],')).toEqual([
    'tessera.example',
    '192.0.2.7',
    '[2001:db8::7]',
  ]);
  for (const wrong of ['https://tessera.example', 'tessera.example:80', 'a.example b.example', '*', '2001:db8::7']) {
    expect(() => hosts(wrong)).toThrow(/^\[api\] got TESSERA_HOSTS=.+; expected .+\. .+\.$/);
  }
});

it('reads how much memory a batch may take', () => {
  expect(defaultOptions({ TESSERA_BATCH_MB: '512' }).batchBytes).toBe(512 * 2 ** 20);
  expect(defaultOptions({}).batchBytes).toBeUndefined();
  for (const wrong of ['0', '-1', '1.5', '2 GB', 'Infinity']) {
    expect(() => defaultOptions({ TESSERA_BATCH_MB: wrong })).toThrow(
      /^\[api\] got TESSERA_BATCH_MB=.+; expected .+\. .+\.$/,
    );
  }
});

it('reads origins as browsers send them', () => {
  const origins = (text: string) => defaultOptions({ TESSERA_ORIGINS: text }).origins;
  expect(origins('')).toEqual([]);
  expect(origins(' http://localhost:5173/, https://App.example:443,http://[::1]:3000')).toEqual([
    'http://localhost:5173',
    'https://app.example',
    'http://[::1]:3000',
  ]);
  for (const wrong of [
    'localhost:5173',
    '*',
    'null',
    'https://app.example/page',
    'file:///page',
    'https://a@b.example',
  ]) {
    expect(() => origins(wrong)).toThrow(/^\[api\] got TESSERA_ORIGINS=.+; expected .+\. .+\.$/);
  }
});

it('takes the longest time of a step in seconds', () => {
  const limit = (text: string) => defaultOptions({ TESSERA_STEP_LIMIT: text }).stepLimit;
  expect([limit(''), limit('90')]).toEqual([undefined, 90_000]);
  for (const wrong of ['0', '1.5', '-1', 'long']) {
    expect(() => limit(wrong)).toThrow(/^\[api\] got TESSERA_STEP_LIMIT=.+; expected .+\. .+\.$/);
  }
});

it('takes the threads of a model', () => {
  const threads = (text: string) => defaultOptions({ TESSERA_THREADS: text }).threads;
  expect([threads(''), threads('3')]).toEqual([undefined, 3]);
  expect(() => threads('0')).toThrow(
    '[api] got TESSERA_THREADS=0; expected a whole number of threads from 1 to 1024. Leave it out for as many as there are cores.',
  );
});

it('takes the precision of models', () => {
  const precision = (text: string) => defaultOptions({ TESSERA_PRECISION: text }).precision;
  expect([precision(''), precision('int8'), precision('float32'), precision('auto')]).toEqual([
    undefined,
    'int8',
    'float32',
    'auto',
  ]);
  expect(() => precision('int4')).toThrow(
    '[api] got TESSERA_PRECISION=int4; expected float32 or int8 or auto. Leave it out for what each model says.',
  );
});

it('reads roles, and refuses one that has no database to share', async () => {
  const role = (text: string) => defaultOptions({ TESSERA_ROLE: text }).role;
  expect([role(''), role('api'), role('worker')]).toEqual(['all', 'api', 'worker']);
  expect(() => role('queen')).toThrow(/^\[api\] got TESSERA_ROLE=queen; expected one of all, api, worker\. .+\.$/);
  expect(defaultOptions({ TESSERA_MAX_BATCH: '8', TESSERA_MAX_QUEUE: '3' })).toMatchObject({
    maxBatch: 8,
    maxQueue: 3,
  });
  expect(() => defaultOptions({ TESSERA_MAX_BATCH: '65' })).toThrow(
    /^\[api\] got TESSERA_MAX_BATCH=65; expected a whole number from 1 to 64\. .+\.$/,
  );
  for (const one of ['api', 'worker'] as const) {
    await expect(startServer({ role: one, databaseUrl: null })).rejects.toThrow(
      `[api] got the role ${one} without DATABASE_URL; expected a PostgreSQL database that API and workers share.`,
    );
  }
});
