import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelDescription } from '@tessera/host';
import type { RunningServer } from './index.ts';
import { shippedModels } from './testing/shipped-models.ts';
import { ofLabels, testClient, type TestClient, type TestEvent } from './testing/test-client.ts';
import { startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-shipped-'));
const models = shippedModels();
let server: RunningServer;
let client: TestClient;

beforeAll(async () => {
  server = await startTestServer({
    port: 0,
    address: '127.0.0.1',
    dataDirectory: join(root, 'data'),
    playground: join(root, 'none'),
    modelFolders: models.map(({ folder }) => folder),
  });
  client = testClient(server.url);
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const stepsOf = (events: readonly TestEvent[]) => events.filter(({ __typename }) => __typename === 'StepEvent');
const ascending = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

async function run(input: object): Promise<TestEvent[]> {
  const { id, message } = await client.create(input);
  expect(message).toBe(undefined);
  const events = await client.events(id);
  expect(events.at(-1)).toMatchObject({ __typename: 'CompletedEvent' });
  return events;
}

async function describeModel(name: string): Promise<ModelDescription> {
  const query = '{ models { name tokens layout { start height width } options guidanceOff defaults { guidance } } }';
  const answer = await client.query<{ models: ModelDescription[] }>(query);
  return answer.models.find((model) => model.name === name)!;
}

describe.each(models)('$name', ({ name: model, folder }) => {
  it('says what it is made of, and has the samples that lie in its folder', async () => {
    const query = '{ models { name samples stride parts { order head } defaults { guidanceKind } } }';
    type Told = ModelDescription & { readonly samples: string };
    const told = (await client.query<{ models: Told[] }>(query)).models.find(({ name }) => name === model)!;
    const manifest = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as Record<string, { plugin: string }>;
    expect(told.parts).toEqual({ order: manifest['order']!.plugin, head: manifest['head']!.plugin });
    expect(told.stride).toBe(model.includes('-var') ? 'scale' : 'set');
    const answer = await fetch(new URL(told.samples, server.url));
    expect([answer.headers.get('content-type'), answer.headers.has('etag')]).toEqual(['image/png', true]);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(readFileSync(join(folder, 'images', 'samples.png')));
  });

  it('tells the steps of its order, in which every token comes once, and a preview of each', async () => {
    const { tokens, layout } = await describeModel(model);
    expect(layout.reduce((sum, { height, width }) => sum + height * width, 0)).toBe(tokens);
    const events = await run({ model, images: { count: 2 }, seed: 4, preview: 'LINEAR' });
    const steps = stepsOf(events);
    const timings = events.at(-1)!.timings!;
    expect(steps.map(({ index, of }) => [index, of])).toEqual(steps.map((_, index) => [index, steps.length]));
    expect(timings.steps.length).toBe(steps.length);
    for (const image of [0, 1]) {
      const came = steps.flatMap(({ positions }) => positions![image] ?? positions![0]!);
      expect(ascending(came)).toEqual(Array.from({ length: tokens }, (_, position) => position));
    }
    for (const { previews } of steps) expect(previews?.length).toBe(2);
  });

  it('makes the same bytes alone and in a batch, and by its defaults said or left out', async () => {
    const { options, guidanceOff, defaults } = await describeModel(model);
    const own = Object.entries(options.properties!).map(([name, property]) => [name, property.default]);
    const all = (await run({ model, images: ofLabels([1, -1, 4]), seed: 20, preview: 'NONE' })).at(-1)!.images!;
    expect(new Set(all).size).toBe(3);
    const said = {
      options: Object.fromEntries(own) as object,
      ...(guidanceOff !== null && { guidance: defaults.guidance }),
    };
    const alone = await run({ model, images: { condition: { label: 4 } }, seed: 22, preview: 'NONE', ...said });
    expect(alone.at(-1)!.images).toEqual(all.slice(2));
  });

  it('refuses wrong options as data, each by its name, before anything is queued', async () => {
    const { options } = await describeModel(model);
    for (const [name, { type, minimum, exclusiveMinimum, maximum }] of Object.entries(options.properties!)) {
      const wrong = [null, {}, [], type === 'string' ? 1 : 'some'];
      if (minimum !== undefined) wrong.push(minimum - 1);
      if (exclusiveMinimum !== undefined) wrong.push(exclusiveMinimum);
      if (maximum !== undefined) wrong.push(maximum + 1);
      for (const value of wrong) {
        const refused = await client.create({ model, options: { [name]: value } });
        expect(refused).toMatchObject({
          __typename: 'RequestError',
          code: expect.stringMatching(/^[a-z-]+$/) as string,
        });
        expect(refused.message).toMatch(new RegExp(`^\\[${model}\\] got ${name} = .+; expected .+\\. .+\\.$`));
      }
    }
    const unknown = await client.create({ model, options: { 'no such option': 1 } });
    expect(unknown).toMatchObject({ __typename: 'RequestError', code: 'option-unknown' });
    const query = '{ generations { nodes { options } } }';
    const { generations } = await client.query<{ generations: { nodes: object[] } }>(query);
    expect(generations.nodes).not.toContainEqual({ options: { 'no such option': 1 } });
  });

  it('is canceled within a step', async () => {
    const { id } = await client.create({ model, images: { count: 64 }, preview: 'NONE' });
    await client.events(id, { enough: ({ __typename }) => __typename === 'StepEvent' });
    await client.cancel(id);
    const events = await client.events(id);
    expect(events.at(-1)!.__typename).toBe('CanceledEvent');
    // The step that ran while the cancel was on its way may still be told.
    expect(stepsOf(events).length).toBeLessThan(stepsOf(events)[0]!.of!);
  });
});

it('there is at least one', () => expect(models.length).toBeGreaterThan(0));
