import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createClient, type Client, type CreateGenerationInput } from '@tessera/client';
import { s3Servers } from '@tessera/blobs/testing';
import { writeRandomModel } from '@tessera/host/testing';
import { newDatabase } from '@tessera/store/testing/new-database';
import { startServer, type RunningServer } from '../index.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-images-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/* Two replicas that share a database and a bucket, and no folder: data and temporary files of each are its own. */
describe.each(s3Servers(root))('two replicas over $name', (s3) => {
  let bucket: Awaited<ReturnType<typeof s3.start>>;
  const servers: RunningServer[] = [];
  /** The first also runs models. */
  let one: Client;
  let other: Client;

  beforeAll(async () => {
    bucket = await s3.start();
    vi.stubEnv('TESSERA_BLOBS', bucket.place);
    const databaseUrl = await newDatabase();
    const model = join(root, 'sets');
    await writeRandomModel(model, { name: 'sets', width: 32, depth: 1, channels: 3, step: 'set' });
    for (const role of ['all', 'api'] as const) {
      const folder = mkdtempSync(join(root, role));
      vi.stubEnv('TMPDIR', folder);
      const dataDirectory = join(folder, 'data');
      mkdirSync(dataDirectory);
      const place = { port: 0, address: '127.0.0.1', playground: join(root, 'none'), modelFolders: [model] };
      servers.push(await startServer({ ...place, role, databaseUrl, dataDirectory }));
    }
    [one, other] = servers.map(({ url }) => createClient({ url, webSocket: null })) as [Client, Client];
  });

  afterAll(async () => {
    await Promise.all([one?.close(), other?.close()]);
    for (const server of servers) await server.close();
    await bucket?.stop();
    vi.unstubAllEnvs();
  });

  type Input = Omit<CreateGenerationInput, 'model'>;

  /** Its finished image, as a replica tells of it. */
  async function draw(at: Client, input: Input): Promise<{ readonly id: string; readonly url: string }> {
    const made = await at.createGeneration({ model: 'sets', seed: 5, options: { steps: 3 }, ...input });
    if (made.__typename !== 'CreateGenerationPayload') throw new Error(made.message);
    const done = await at.finished(made.generation.id);
    if (done.__typename !== 'Generation' || done.state !== 'COMPLETED') throw new Error(JSON.stringify(done));
    return done.images[0]!.picture!;
  }

  it('give the same picture at the same URL, the one that did not store it first', async () => {
    const picture = await draw(other, { images: [{ count: 1 }] });
    const [there, here] = [await other.download(picture), await one.download(picture)];
    expect(there.length).toBeGreaterThan(100);
    expect(there).toEqual(here);
  });

  it('edit what the other has stored: its upload, and its finished image', async () => {
    const drawn = await draw(one, { images: [{ count: 1 }] });
    const gray = sharp({ create: { width: 32, height: 32, channels: 3, background: 'gray' } });
    const upload = await other.upload(await gray.png().toBuffer(), 'image/png');
    const region = { inside: { x0: 0, y0: 0.5, x1: 1, y1: 1 } };
    const edits = [];
    for (const [at, image] of [
      [one, upload.id],
      [other, upload.id],
      [other, drawn.id],
    ] as const)
      edits.push(await draw(at, { edit: { image, region } }));
    const [first, second, third] = edits.map(({ id }) => id);
    expect(second).toBe(first);
    expect(new Set([first, third, drawn.id, upload.id]).size).toBe(4);
    expect(await other.download(edits[0]!)).toEqual(await one.download(edits[1]!));
  });
});
