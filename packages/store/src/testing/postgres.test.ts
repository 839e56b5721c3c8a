import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, it } from 'vitest';

it('a test server ends with the process that started it, although that is killed', async () => {
  const program = `
    const { startPostgres } = await import(${JSON.stringify(new URL('postgres.ts', import.meta.url).href)});
    const server = await startPostgres();
    console.log(JSON.stringify({ url: await server.database() }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout!, 'data')) as [Buffer];
  const { url } = JSON.parse(said.toString()) as { url: string };
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder");
  await client.end();
  const { folder } = rows[0]!;
  expect(existsSync(folder)).toBe(true);
  child.kill('SIGKILL');
  for (let waited = 0; existsSync(folder) && waited < 15_000; waited += 100) await sleep(100);
  expect(existsSync(folder)).toBe(false);
  await expect(new pg.Client(url).connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
