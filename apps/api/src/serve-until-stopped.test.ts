import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { programArguments } from './testing/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-serve-'));
const children: ChildProcess[] = [];

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** `npm start` with a model folder that is broken. */
async function start(name: string, more: Record<string, string> = {}) {
  const models = join(folder, name, 'models');
  mkdirSync(join(models, 'broken'), { recursive: true });
  writeFileSync(join(models, 'broken', 'model.json'), '{}');
  const environment = { PORT: '0', TESSERA_MODELS: models, TESSERA_DATA: join(folder, name, 'data') };
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const child = spawn(process.execPath, programArguments(main), {
    env: { ...process.env, ...environment, ...more },
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  const said = async (text: string, times = 1) => {
    const met = () => output.split(text).length > times;
    while (!met() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(output).toContain(text);
  };
  await said('; target: onnx');
  return { child, said, port: Number(/localhost:(\d+)/.exec(output)![1]) };
}

it('says where it is, and ends in order at the first signal', async () => {
  const { child, said } = await start('first');
  await said('Tessera is ready: http://localhost:');
  await said('target: onnx)');
  await said(join('broken', 'model.json'));
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  // No key was pressed: there is none to press again.
  await said('Tessera is stopping.');
});

it(
  'says in the same words, here and where models run, that a plug-in left a promise alone',
  { tags: ['long'] },
  async () => {
    const config = join(folder, 'tessera.config.mjs');
    writeFileSync(config, "void Promise.reject(new Error('stray promise'));\nexport const config = { plugins: [] };\n");
    const { said } = await start('stray', { TESSERA_CONFIG: config });
    const sentence = '[plug-ins] got an unhandled error (Error: stray promise)';
    await said(sentence, 2);
  },
);

it('says that it answers to every host name on a network', { tags: ['long'] }, async () => {
  const { said } = await start('open', { HOST: '0.0.0.0', TESSERA_AUTH: 'off' });
  await said('hosts: any, TESSERA_HOSTS would name them)');
});

it('ends at once at the second signal, though a request is open', async () => {
  const { child, said, port } = await start('second');
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.write('POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{');
  // It has taken up the request before once it answers another.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await fetch(`http://127.0.0.1:${port}/healthz`);
  child.kill('SIGINT');
  await said('Tessera is stopping; press again to stop at once.');
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect(child.exitCode).toBe(null);
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([1, null]);
});
