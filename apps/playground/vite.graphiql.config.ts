import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compressed } from './vite.compressed.ts';

/* GraphiQL, a second document beside the page: `vite build` makes dist, and this dist/graphiql. */
export default defineConfig({
  root: fileURLToPath(new URL('graphiql', import.meta.url)),
  base: '/graphiql/',
  plugins: [react(), compressed],
  build: { assetsInlineLimit: 0, outDir: '../dist/graphiql', emptyOutDir: true, chunkSizeWarningLimit: 1000 },
});
