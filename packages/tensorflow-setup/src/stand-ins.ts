import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The key of a global symbol: where the kernels find the copy of tfjs that loads them. */
export const TFJS = 'tessera.tfjs';

/**
 * Puts modules beside the kernels of tfjs-node-gpu that lead to the copy of tfjs in use: the cache serves all clones,
 * and a second copy in one process would break both.
 */
export function placeStandIns(kernels: string): void {
  for (const name of ['tfjs', 'tfjs-core']) {
    const folder = join(kernels, 'node_modules', '@tensorflow', name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'index.js'), `module.exports = globalThis[Symbol.for('${TFJS}')];\n`);
  }
}
