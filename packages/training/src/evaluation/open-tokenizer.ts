import { join } from 'node:path';
import type { Tokenizer } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { fileWeights, readManifest, resolveParts } from '@tessera/models';

/** Opens the tokenizer of a model folder alone; `dispose` releases its weights too. */
export async function openTokenizer(engine: Engine, folder: string): Promise<Tokenizer> {
  const manifest = await readManifest(folder);
  const { plugin, config } = resolveParts(manifest, folder).tokenizer;
  const weights = await fileWeights(join(folder, manifest.tokenizer.weights!.file));
  const tokenizer = plugin.build(plugin.config.parse(config, folder), { engine, weights });
  weights.finish();
  return {
    ...tokenizer,
    dispose() {
      tokenizer.dispose();
      weights.dispose();
    },
  };
}
