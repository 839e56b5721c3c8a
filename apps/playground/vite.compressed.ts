import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** Text is compressed once, here; the server sends what the browser takes. */
export const compressed: Plugin = {
  name: 'compressed',
  writeBundle({ dir }, files) {
    for (const name of Object.keys(files).filter((one) => /\.(js|css|html|svg|json)$/.test(one))) {
      const text = readFileSync(join(dir!, name));
      writeFileSync(join(dir!, `${name}.br`), brotliCompressSync(text));
      writeFileSync(join(dir!, `${name}.gz`), gzipSync(text, { level: 9 }));
    }
  },
};
