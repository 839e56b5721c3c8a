import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pixels } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { isTesseraError } from '@tessera/errors';
import { imagesOfClasses } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import type { Model } from './model.ts';
import { openModel } from './model-folder.ts';
import { openModel as openModelAt } from './web.ts';

const models = fileURLToPath(new URL('../../../models', import.meta.url));

let engine: Engine;
let server: Server;
let address: string;
/** Answers in place of files, by path; null is an answer of 404, a function loses the connection. */
let instead: Readonly<Record<string, string | null | ((response: ServerResponse) => void)>> = {};

beforeAll(async () => {
  engine = createEngine();
  server = createServer((request, response) => {
    const given = instead[request.url!];
    if (typeof given === 'function') return given(response);
    const file = given === undefined ? readFile(join(models, request.url!)) : Promise.resolve(given);
    file.then(
      (bytes) => response.writeHead(bytes === null ? 404 : 200).end(bytes ?? undefined),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  engine.dispose();
  server.close();
});

async function imageOf(model: Model): Promise<Pixels> {
  try {
    for await (const event of model.generate({ images: imagesOfClasses([7]), seed: 3 }))
      if (event.type === 'image') return event.pixels;
    throw new Error('no image');
  } finally {
    model.dispose();
  }
}

async function refusal(answers: typeof instead): Promise<string> {
  instead = answers;
  try {
    (await openModelAt(`${address}/digits-var`, { engine })).dispose();
    return 'accepted';
  } catch (error) {
    if (isTesseraError(error)) return `${error.code} ${error.message}`;
    throw error;
  } finally {
    instead = {};
  }
}

describe('a model over HTTP', () => {
  it.each(['digits-var', 'digits-mar'])('draws the same digit as its folder: %s', async (name) => {
    const there = await imageOf(await openModelAt(`${address}/${name}/`, { engine }));
    expect(there).toEqual(await imageOf(await openModel(join(models, name), { engine })));
  });

  it('is refused in a sentence that names the address', async () => {
    expect(await refusal({ '/digits-var/model.json': null })).toMatch(/^manifest-missing \[http:.*digits-var\/\]/);
    expect(await refusal({ '/digits-var/model.json': '{"format":' })).toMatch(
      /^manifest-malformed \[http:.*model\.json\]/,
    );
    expect(await refusal({ '/digits-var/head.safetensors': null })).toMatch(
      /^weights-missing .*no file head\.safetensors/,
    );
    const page = { '/digits-var/head.safetensors': '<!doctype html><title>Sign in</title>' };
    expect(await refusal(page)).toMatch(/^checkpoint-format-unknown \[http:.*head\.safetensors\] got a web page/);
  });

  it.each([
    ['before the answer', 'no answer', (response: ServerResponse) => void response.destroy()],
    [
      'within the file',
      'only part of the file',
      (response: ServerResponse) => {
        response.writeHead(200, { 'Content-Length': 1000 });
        response.write('{"format":', () => response.destroy());
      },
    ],
  ])('reports with the address a connection that was lost %s', async (_, got, lost) => {
    for (const file of ['model.json', 'head.safetensors']) {
      const sentence = await refusal({ [`/digits-var/${file}`]: lost });
      expect(sentence).toContain(`download-failed [${address}/digits-var/${file}] got ${got}`);
    }
    expect(await refusal({})).toBe('accepted');
  });

  it('reports the address of a server that does not run', async () => {
    const gone = createServer();
    await new Promise<void>((listening) => gone.listen(0, '127.0.0.1', listening));
    const { port } = gone.address() as AddressInfo;
    await new Promise((closed) => gone.close(closed));
    const folder = `http://127.0.0.1:${port}/digits-var/`;
    await expect(openModelAt(folder, { engine })).rejects.toMatchObject({
      code: 'download-failed',
      message: expect.stringContaining(`[${folder}model.json] got no answer`),
      cause: expect.any(TypeError),
    });
  });

  it('is refused if weights are not those of the manifest', async () => {
    const manifest = await readFile(join(models, 'digits-var', 'model.json'), 'utf8');
    const other = manifest.replace(/("sha256": ")[0-9a-f]{64}/, `$1${'0'.repeat(64)}`);
    expect(await refusal({ '/digits-var/model.json': other })).toMatch(
      /^weights-altered \[http:.*got a file whose sha256/,
    );
  });
});
