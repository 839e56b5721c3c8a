import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defaultClientConditions, defineConfig, type Plugin } from 'vite';

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

/** Text is compressed once, here; the server sends what the browser takes. */
const compressed: Plugin = {
  name: 'compressed',
  writeBundle({ dir }, files) {
    for (const name of Object.keys(files).filter((one) => /\.(js|css|html|svg|json)$/.test(one))) {
      const text = readFileSync(join(dir!, name));
      writeFileSync(join(dir!, `${name}.br`), brotliCompressSync(text));
      writeFileSync(join(dir!, `${name}.gz`), gzipSync(text, { level: 9 }));
    }
  },
};

export default defineConfig({
  plugins: [react(), trustedDocuments, compressed],
  resolve: { conditions: ['@tessera/source', ...defaultClientConditions] },
  build: { assetsInlineLimit: 0 },
  server: {
    proxy: { '/graphql': { target: api, ws: true }, '/images': api, '/v1': { target: api } },
  },
});
