import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { createClient } from 'graphql-ws';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { keyState } from '../api/key.ts';
import { operations } from './operations.ts';
import './graphiql.css';

/* GraphiQL over this server, with operations to try. It is a document of its own: it brings styles that the page forbids. */

const { key } = keyState();
const headers = key === null ? {} : { authorization: `Bearer ${key}` };
const wsClient = createClient({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
  connectionParams: headers,
});
const fetcher = createGraphiQLFetcher({ url: '/graphql', headers, wsClient });

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
