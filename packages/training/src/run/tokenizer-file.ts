import { disposeAll, type Tokenizer } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { fileWeights } from '@tessera/models';
import type { RecipeParts } from './parts.ts';

/** The weights of a trained tokenizer, as float16 wrote them. */
export interface TokenizerFile {
  readonly path: string;
  readonly sha256: string;
}

/** A tokenizer with its weights from a file. */
export async function openTokenizerFile(
  engine: Engine,
  { parts }: Pick<RecipeParts, 'parts'>,
  { path, config }: { path: string; config: unknown },
): Promise<{ tokenizer: Tokenizer; dispose(): void }> {
  const { plugin } = parts.tokenizer;
  const weights = await fileWeights(path);
  const tokenizer = plugin.build(plugin.config.parse(config, path), { engine, weights });
  weights.finish();
  return {
    tokenizer,
    dispose() {
      disposeAll([tokenizer, weights]);
    },
  };
}
