import { readFileSync } from 'node:fs';
import react from '@vitejs/plugin-react';
import { defaultClientConditions, defineConfig, type Plugin } from 'vite';
import { compressed } from './vite.compressed.ts';
import { early } from './vite.early.ts';
import { headerFirst } from './vite.header.ts';

// `npx vite` beside a running `npm start`: the page from here, the data from there.
const api = process.env.TESSERA_API ?? 'http://127.0.0.1:4000';

/**
 * Puts the documents of @tessera/client, which are all that the page sends, beside the page: a server with
 * TRUSTED_DOCUMENTS=only runs these alone.
 */
const trustedDocuments: Plugin = {
  name: 'trusted-documents',
  generateBundle() {
    const source = readFileSync(new URL('../../packages/client/trusted-documents.json', import.meta.url));
    this.emitFile({ type: 'asset', fileName: 'trusted-documents.json', source });
  },
};

export default defineConfig({
  plugins: [react(), headerFirst, early, trustedDocuments, compressed],
  resolve: { conditions: ['@tessera/source', ...defaultClientConditions] },
  build: {
    assetsInlineLimit: 0,
    // Those that know light-dark(): what stands in for it would follow the system alone, never the switch of the page.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // All of them know it.
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { '/graphql': { target: api, ws: true }, '/images': api, '/v1': { target: api } },
  },
});
