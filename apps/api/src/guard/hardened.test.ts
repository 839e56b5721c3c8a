import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getIntrospectionQuery } from 'graphql';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { RunningServer } from '../index.ts';
import { testClient, type TestClient } from '../testing/test-client.ts';
import { hashOf, trustedDocuments } from './trusted-documents.ts';
import { startTestServer } from '../testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-hardened-'));
const page = join(root, 'page');
const open = { port: 0, address: '127.0.0.1', playground: page, modelFolders: [] };
const manifestOf = (...texts: string[]) =>
  JSON.stringify(Object.fromEntries(texts.map((text) => [`sha256:${hashOf(text)}`, text])));
const ofPage = 'query { models { name } }';
const ofClient = 'query Plugins { plugins { name } }';
const manifest = join(root, 'client.json');

mkdirSync(page);
writeFileSync(join(page, 'index.html'), '<p>');
writeFileSync(join(page, 'trusted-documents.json'), manifestOf(ofPage));
writeFileSync(manifest, manifestOf(ofClient));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}
type Request = Readonly<Record<string, unknown>>;

/** The same request on each transport. */
function transportsOf(url: string): [string, (request: Request) => Promise<Answer>][] {
  const post = async (request: Request) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(request) });
    return (await answer.json()) as Answer;
  };
  const get = async (request: Request) => {
    const parameters = Object.entries(request).map(([name, value]) => {
      return [name, typeof value === 'string' ? value : JSON.stringify(value)] as [string, string];
    });
    const path = `${url}/graphql?${new URLSearchParams(parameters)}`;
    return (await (await fetch(path, { headers: { accept: 'application/json' } })).json()) as Answer;
  };
  const stream = async (request: Request) => {
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
    const answer = await fetch(`${url}/graphql/stream`, { method: 'POST', headers, body: JSON.stringify(request) });
    const said = await answer.text();
    return JSON.parse(/^event: next\ndata: (.*)$/m.exec(said)?.[1] ?? said) as Answer;
  };
  const socket = async (request: Request) => {
    const client = createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket });
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const error = (errors: unknown) =>
          Array.isArray(errors)
            ? resolve({ errors: errors as NonNullable<Answer['errors']> })
            : reject(errors as Error);
        client.subscribe(
          { query: '', ...request },
          { next: (answer) => resolve(answer as Answer), error, complete: () => undefined },
        );
      });
    } finally {
      await client.dispose();
    }
  };
  return [
    ['POST', post],
    ['GET', get],
    ['WebSocket', socket],
    ['SSE', stream],
  ];
}

const codeOf = ({ errors }: Answer) => errors?.[0]!.extensions!.code;

describe('a hardened server', () => {
  let server: RunningServer;
  let client: TestClient;

  beforeAll(async () => {
    const options = { ...open, dataDirectory: join(root, 'hardened'), hardened: true, trustedOnly: false };
    server = await startTestServer(options);
    client = testClient(server.url);
  });
  afterAll(() => server?.close());

  it('shows its schema to no one, on any transport', async () => {
    for (const query of [
      getIntrospectionQuery(),
      '{ __type(name: "Query") { name } }',
      '{ a: __schema { types { name } } }',
    ]) {
      for (const [name, ask] of transportsOf(server.url)) {
        const answer = await ask({ query });
        expect([name, answer.data, codeOf(answer)]).toEqual([name, undefined, 'GRAPHQL_VALIDATION_FAILED']);
      }
    }
    expect(await client.query('{ __typename }')).toEqual({ __typename: 'Query' });
  });

  const typos: [string, object][] = [
    ['{ model { name } }', {}],
    ['{ models { nam } }', {}],
    ['{ generation(idd: "x") { __typename } }', {}],
    ['{ models @skipp(if: true) { name } }', {}],
    ['{ models @skip(iff: true) { name } }', {}],
    ['query ($a: CreateGenerationInputt!) { models { name } }', { a: {} }],
    ['{ generation(id: "x") { ... on Generatio { id } } }', {}],
    ['mutation { createGeneration(input: { modell: "x" }) { __typename } }', {}],
    ['mutation { createGeneration(input: { model: "x", preview: NON }) { __typename } }', {}],
    ['mutation ($i: CreateGenerationInput!) { createGeneration(input: $i) { __typename } }', { i: { modell: 'x' } }],
    [
      'mutation ($i: CreateGenerationInput!) { createGeneration(input: $i) { __typename } }',
      { i: { model: 'x', preview: 'NON' } },
    ],
  ];

  it.each(typos)('guesses at no name: %s', async (query, variables) => {
    for (const [name, ask] of transportsOf(server.url)) {
      if (name === 'GET' && query.startsWith('mutation')) continue;
      const { errors } = await ask({ query, variables });
      expect([name, errors![0]!.message]).toEqual([
        name,
        expect.stringMatching(/^\[api\] got .+; expected .+\. .+\.$/s),
      ]);
      expect(JSON.stringify(errors)).not.toMatch(/did you mean/i);
    }
  });
});

describe('a server of trusted documents alone', () => {
  let server: RunningServer;

  beforeAll(async () => {
    const options = { ...open, dataDirectory: join(root, 'trusted'), trustedOnly: true, documents: [manifest] };
    server = await startTestServer(options);
  });
  afterAll(() => server?.close());

  const models = { data: { models: [] } };
  const hash = hashOf(ofPage);

  it('runs them by id, by hash and by text, on every transport', async () => {
    for (const [name, ask] of transportsOf(server.url)) {
      expect([name, await ask({ documentId: `sha256:${hash}` })]).toEqual([name, models]);
      expect([name, await ask({ documentId: `SHA256:${hash.toUpperCase()}` })]).toEqual([name, models]);
      expect([name, await ask({ query: ofPage })]).toEqual([name, models]);
      expect(await ask({ extensions: { persistedQuery: { version: 1, sha256Hash: hash } } })).toEqual(models);
      expect(await ask({ query: ofClient, operationName: 'Plugins' })).toHaveProperty('data.plugins');
    }
  });

  it('runs nothing else, on any transport, and learns nothing new', async () => {
    const other = '{ models { title } }';
    const persistedQuery = { version: 1, sha256Hash: hashOf(other) };
    const requests: [Request, string][] = [
      [{ query: other }, 'document-not-trusted'],
      [{ query: `${ofPage} ` }, 'document-not-trusted'],
      [{ query: other, extensions: { persistedQuery } }, 'document-not-trusted'],
      [{ extensions: { persistedQuery } }, 'document-not-trusted'],
      [{ extensions: { persistedQuery: { version: 1, sha256Hash: ['x'] } } }, 'document-not-trusted'],
      [{}, 'document-not-trusted'],
      [{ documentId: `sha256:${hashOf(other)}` }, 'document-unknown'],
      [{ documentId: hash }, 'document-unknown'],
      [{ documentId: hashOf(other), query: ofPage }, 'document-unknown'],
      [{ documentId: '__proto__' }, 'document-unknown'],
    ];
    for (const [request, code] of requests) {
      for (const [name, ask] of transportsOf(server.url)) {
        const answer = await ask(request);
        expect([name, request, answer.data, codeOf(answer)]).toEqual([name, request, undefined, code]);
        expect(answer.errors![0]!.message).toMatch(/^\[api\] got .+; expected .+\. .+\.$/);
      }
    }
  });

  it('runs the trusted one where a request names another beside it', async () => {
    for (const [, ask] of transportsOf(server.url)) {
      expect(await ask({ documentId: `sha256:${hash}`, query: '{ __schema { types { name } } }' })).toEqual(models);
    }
    const twice = `${server.url}/graphql?${new URLSearchParams({ query: ofPage })}&query={models{title}}`;
    expect(await (await fetch(twice, { headers: { accept: 'application/json' } })).json()).toEqual(models);
    const list = JSON.stringify([{ query: '{ models { title } }' }]);
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: list })).status).toBe(400);
  });
});

describe('a manifest', () => {
  it.each([
    ['[]x', 'text that is not JSON'],
    [JSON.stringify({ [`sha256:${'0'.repeat(64)}`]: '{ a }' }), 'not the hash of its text'],
    [JSON.stringify({ [hashOf('{ a }')]: '{ a }' }), 'not the hash of its text'],
    [JSON.stringify({ [`sha256:${hashOf('{ a }')}`]: 7 }), 'not the hash of its text'],
  ])('is refused where it is not one: %s', (text, words) => {
    const file = join(root, 'wrong.json');
    writeFileSync(file, text);
    expect(() => trustedDocuments({ files: [file], only: true })).toThrow(words);
    expect(() => trustedDocuments({ files: [join(root, 'none')], only: true })).toThrow('got no file');
  });
});
