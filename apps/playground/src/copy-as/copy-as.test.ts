import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type ApiProcess } from '../testing/api-process.ts';
import { copyAs, type CopyKind, shortened } from './copy-as.ts';

/* What the page offers to copy is run as it is, and must make the images of the page, to the byte. */

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'tessera-copy-'));
const input = {
  model: 'digits-var',
  images: [{ condition: { label: 7 }, count: 2 }],
  seed: 5,
  guidance: 1.5,
  options: { topP: 0.9 },
};
let api: ApiProcess;
const run = promisify(execFile);
const textOf = (kind: CopyKind) => copyAs(kind, { input, origin: api.url, withKey: false })!;

beforeAll(async () => {
  api = await startApi({ TESSERA_DATA: join(work, 'data'), TESSERA_PLAYGROUND: join(work, 'none'), PORT: '0' });
});

afterAll(async () => {
  await api?.kill();
  rmSync(work, { recursive: true, force: true });
});

interface Made {
  readonly images: readonly { readonly url: string }[];
}

it('makes the same images by curl, by GraphQL, by the client and on the command line', async () => {
  const { stdout } = await run('sh', ['-c', textOf('curl')]);
  const urls = (JSON.parse(stdout) as Made).images.map(({ url }) => url);
  const byCurl = await Promise.all(urls.map(async (url) => (await fetch(new URL(url, api.url))).arrayBuffer()));
  expect(byCurl.length).toBe(2);

  const program = join(work, 'program.mts');
  writeFileSync(program, textOf('typescript').replace("'@tessera/client'", `'${root}packages/client/src/index.ts'`));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const client = await run(process.execPath, ['--conditions=@tessera/source', '--import', tsx, program], { cwd: work });
  expect(client.stdout).toMatch(/^step 1 of \d+$/m);
  const byClient = [0, 1].map((image) => readFileSync(join(work, `image-${image}.png`)));
  expect(byClient.map(sha256)).toEqual(byCurl.map((bytes) => sha256(Buffer.from(bytes))));

  const out = join(work, 'images');
  mkdirSync(out);
  await run('sh', ['-c', textOf('tessera').replace('--out images', `--out '${out}'`)], { cwd: root });
  const files = readdirSync(out).filter((name) => name.startsWith('label-'));
  expect(files.map((name) => sha256(readFileSync(join(out, name))))).toEqual(byClient.map(sha256));

  const answer = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: textOf('graphql') }),
  });
  expect(await answer.json()).toMatchObject({ data: { createGeneration: { generation: { state: 'QUEUED' } } } });
});

it('quotes for a shell, names classes one by one, and never writes a key', () => {
  const origin = 'http://localhost:4000';
  const named = { model: "it's", images: [0, 1, 1].map((label) => ({ condition: { label } })), seed: 0 };
  expect(copyAs('tessera', { input: named, origin, withKey: false })).toBe(
    String.raw`npx tessera generate --model 'it'\''s' --label 0,1,1 --seed 0 --out images`,
  );
  const texts = {
    model: 'avatars-text',
    images: [{ condition: { input: { text: "a cat's hat" } }, count: 2 }],
    seed: 0,
  };
  expect(copyAs('tessera', { input: texts, origin, withKey: false })).toBe(
    String.raw`npx tessera generate --model avatars-text --condition '{"text":"a cat'\''s hat"}' --count 2 --seed 0 --out images`,
  );
  const low = `data:image/png;base64,${'iVBORw0KGgoA'.repeat(20)}==`;
  const ofPicture = copyAs('curl', {
    input: { ...texts, images: [{ condition: { input: { low } } }] },
    origin,
    withKey: false,
  })!;
  expect(ofPicture).toContain(low);
  expect(shortened(ofPicture)).toBe(ofPicture.replace(low, 'data:image/png;base64,iVBORw0KGgoA…'));
  const text = copyAs('curl', { input, origin, withKey: true })!;
  expect(text).toContain('--header "Authorization: Bearer $TESSERA_KEY"');
  const edit = { ...input, edit: { image: 'a', region: { inside: { x0: 0, y0: 0, x1: 1, y1: 0.5 } } } };
  expect(copyAs('tessera', { input: edit, origin, withKey: false })).toBe(null);
  expect(copyAs('graphql', { input: edit, origin, withKey: false })).toContain('region: { inside: { x0: 0,');
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
