import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRandomModel } from '@tessera/host/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningServer } from './index.ts';
import { createQuery, testClient, type TestClient } from './testing/test-client.ts';
import { startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-words-'));
const classes = ['1', 'zero', 'crane', 'tench, Tinca tinca', 'crane', 'none', 'six', 'seven', '8', '9'];
let server: RunningServer;
let client: TestClient;

beforeAll(async () => {
  const folder = join(root, 'odd');
  await writeRandomModel(folder, { name: 'odd', width: 32, depth: 1, channels: 1 });
  const manifest = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'model.json'), JSON.stringify({ ...manifest, classes }));
  const dataDirectory = join(root, 'data');
  server = await startTestServer({ port: 0, dataDirectory, playground: join(root, 'none'), modelFolders: [folder] });
  client = testClient(server.url);
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

it('takes words for classes, as the command line does', async () => {
  const words = ['zero', 'tench, Tinca tinca', '8', 'number:1', 'name:1', '0', '-1', 'name:none', 'number:4'];
  const images = words.map((word) => ({ condition: { class: word } }));
  const each = await client.create({ model: 'odd', images });
  expect(each.labels).toEqual([1, 3, 8, 1, 0, 0, -1, 5, 4]);
  expect((await client.create({ model: 'odd', images: { condition: { class: 'six' }, count: 2 } })).labels).toEqual([
    6, 6,
  ]);
  expect((await client.create({ model: 'odd', images: { condition: { label: 1 } } })).labels).toEqual([1]);
  expect((await client.events(each.id)).at(-1)!.__typename).toBe('CompletedEvent');
});

it.each([
  ['ambiguous-label', ['1'], /the label 1, which can mean 2 classes; .*number:0 \(1\), number:1 \(zero\)/],
  ['ambiguous-label', ['crane'], /number:2 \(crane\), number:4 \(crane\)/],
  ['ambiguous-label', ['zero', 'none'], /number:-1 \(no class\), number:5 \(none\)/],
  ['unknown-label', ['tenches'], /the label tenches; expected a number from 0 to 9/],
  ['unknown-label', ['10'], /the label 10/],
  [
    'images-invalid',
    [],
    /no images; expected 1 to 64 images\. Ask for at least one image, or leave images out for one\./,
  ],
  ['images-invalid', new Array<string>(65).fill('six'), /65 images; .* Spread more images over several generations\./],
])('refuses with %s: %j', async (code, words, sentence) => {
  const images = words.map((word) => ({ condition: { class: word } }));
  const refused = await client.create({ model: 'odd', images });
  expect(refused).toMatchObject({ __typename: 'RequestError', code });
  expect(refused.message).toMatch(sentence);
});

it.each([{ class: 'six', label: 6 }, {}, { label: null }])('takes a condition in one way: %j', async (condition) => {
  const variables = { input: { model: 'odd', images: { condition } } };
  const { json } = await client.post(JSON.stringify({ query: createQuery, variables }));
  expect(json.errors![0]).toMatchObject({
    message: expect.stringMatching(/^\[api\] got .*(ConditionInput|condition\.label).*; expected .+\. .+\.$/) as string,
    extensions: { code: 'BAD_USER_INPUT' },
  });
});
