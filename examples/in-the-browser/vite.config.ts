import { createReadStream, existsSync, statSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
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
          const file = join(models, new URL(`http://page${request.url ?? '/'}`).pathname);
          const found = file.startsWith(models + sep) && existsSync(file) && statSync(file).isFile();
          // Without this answer Vite would send the page in place of the file.
          if (!found) return void response.writeHead(404).end();
          createReadStream(file).on('error', next).pipe(response);
        });
      },
    },
  ],
});
