import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { trustedDocuments } from './trusted-documents.ts';

// `npx vite` beside a running `npm start`: the page from here, the data from there.
const api = process.env.TESSERA_API ?? 'http://127.0.0.1:4000';

export default defineConfig({
  plugins: [react(), trustedDocuments()],
  build: { assetsInlineLimit: 0 },
  server: {
    proxy: { '/graphql': { target: api, ws: true }, '/images': api, '/v1': { target: api } },
  },
});
