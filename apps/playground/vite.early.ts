import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const file = fileURLToPath(new URL('src/early.ts', import.meta.url));

/**
 * Runs src/early.ts while the rest of the page is still on its way. The first view is two files of scripts then, where
 * Vite by itself makes one of what main.tsx alone needs, and one for each group of modules that rooms share with it.
 */
export const early: Plugin = {
  name: 'early',
  config: () => ({
    build: {
      rolldownOptions: {
        output: {
          codeSplitting: {
            groups: [
              { name: 'early', test: (id) => id === file, priority: 2 },
              { name: 'page', tags: ['$initial'], priority: 1 },
            ],
          },
        },
      },
    },
  }),
  transformIndexHtml: {
    order: 'post',
    handler: (html, { bundle }) => {
      // Without a build, main.tsx imports it.
      if (!bundle) return html;
      const built = Object.values(bundle).find((one) => one.type === 'chunk' && one.moduleIds.includes(file));
      const address = `/${built!.fileName}`;
      const run = html.replace(`<link rel="modulepreload" crossorigin href="${address}">`, '');
      if (run === html)
        throw new Error(`[playground] got a page that does not load ${address}; expected it of main.tsx.`);
      return run.replace('<script', `<script type="module" crossorigin src="${address}"></script>\n    <script`);
    },
  },
};
