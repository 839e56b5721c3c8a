import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { createClient } from 'graphql-ws';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { keyState } from '../api/key.ts';
import { NEWEST, operations } from './operations.ts';
import './graphiql.css';

/* GraphiQL over this server, with operations to try. It is a document of its own: it brings styles that the page forbids. */

const { key } = keyState();
const headers = key === null ? {} : { authorization: `Bearer ${key}` };
const wsClient = createClient({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
  connectionParams: headers,
});
const send = createGraphiQLFetcher({ url: '/graphql', headers, wsClient });
const fetcher: Fetcher = async (request, options) => {
  const asked = request.variables as { readonly id?: unknown } | undefined;
  if (asked?.id !== NEWEST) return send(request, options);
  return send({ ...request, variables: { ...asked, id: await newestId() } }, options);
};

async function newestId(): Promise<string> {
  const body = JSON.stringify({ query: 'query NewestId { generations(first: 1) { nodes { id } } }' });
  const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body };
  const answer = (await (await fetch('/graphql', init)).json()) as {
    readonly data?: { readonly generations: { readonly nodes: readonly { readonly id: string }[] } | null } | null;
  };
  const id = answer.data?.generations?.nodes[0]?.id;
  if (id === undefined) throw new Error('The server has no generation yet: run the tab Create first.');
  return id;
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <GraphiQL
      fetcher={fetcher}
      defaultTabs={operations.map(({ query, variables }) => ({ query, variables }))}
      defaultEditorToolsVisibility="variables"
    >
      <GraphiQL.Logo>
        <a href="/">Tessera</a>
      </GraphiQL.Logo>
    </GraphiQL>
  </StrictMode>,
);
