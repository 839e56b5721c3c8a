import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { openModel } from '@tessera/models';
import { encodePng } from '@tessera/pictures';
import { createEngine } from '@tessera/targets';
import { classOf } from '@tessera/core';
import { referenceKey, type Asked } from './history.ts';

/** Draws every image that was asked for by the model alone, in this process, and hashes its PNG. */
export async function drawReferences(asked: readonly Asked[]): Promise<ReadonlyMap<string, string>> {
  const engine = createEngine();
  const references = new Map<string, string>();
  for (const name of new Set(asked.map(({ model }) => model))) {
    const model = await openModel(fileURLToPath(new URL(`../../../models/${name}`, import.meta.url)), { engine });
    const wanted = asked
      .filter((one) => one.model === name)
      .flatMap(({ seed, images }) => Array.from({ length: images }, (_, i) => ({ label: i % 10, seed: seed + i })));
    for (let at = 0; at < wanted.length; at += 64) {
      const part = wanted.slice(at, at + 64);
      const images = part.map(({ label, seed }) => ({ condition: classOf(label), seed }));
      for await (const event of model.generate({ images, seed: 0, preview: 'none' })) {
        if (event.type !== 'image') continue;
        const png = await encodePng(event.pixels);
        references.set(
          referenceKey(name, part[event.row]!.seed, part[event.row]!.label),
          createHash('sha256').update(png).digest('hex'),
        );
      }
    }
    model.dispose();
  }
  engine.dispose();
  return references;
}
