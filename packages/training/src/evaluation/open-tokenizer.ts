import { join } from 'node:path';
import { disposeAll, type Tokenizer } from '@tessera/core';
import { fileWeights, readManifest, resolveParts, type OpenModelOptions } from '@tessera/models';

/** Opens the tokenizer of a model folder alone; `dispose` releases its weights too. */
export async function openTokenizer(folder: string, { engine, plugins }: OpenModelOptions): Promise<Tokenizer> {
  const manifest = await readManifest(folder);
  const { plugin, config } = resolveParts(manifest, folder, plugins).tokenizer;
  const weights = await fileWeights(join(folder, manifest.tokenizer.weights!.file));
  const tokenizer = plugin.build(plugin.config.parse(config, folder), { engine, weights });
  weights.finish();
  return {
    ...tokenizer,
    dispose() {
      disposeAll([tokenizer, weights]);
    },
  };
}
