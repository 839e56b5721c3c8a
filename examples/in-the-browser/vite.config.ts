import { createReadStream, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defineConfig, defaultClientConditions } from 'vite';

const models = resolve(import.meta.dirname, '../../models');

// `npx vite` in this folder serves the page; the models of the repository are served beside it.
export default defineConfig({
  resolve: { conditions: ['@tessera/source', ...defaultClientConditions] },
  worker: { format: 'es' },
  plugins: [
    {
      name: 'models',
      configureServer: ({ middlewares }) => {
        middlewares.use('/models', (request, response, next) => {
          const file = join(models, new URL(request.url ?? '/', 'http://page').pathname);
          if (!file.startsWith(models) || !existsSync(file)) return next();
          createReadStream(file).pipe(response);
        });
      },
    },
  ],
});
