import { join } from 'node:path';
import { fileWeights } from '@tessera/models';
import { measuresOf } from '../tokenizers/tokenizer-kinds.ts';
import { encodedSplit, type EncodedSplit } from '../trainer/encoded-split.ts';
import type { RecipeParts } from './parts.ts';
import type { Room } from './room.ts';
import { flipsOf } from './stage-ingredients.ts';
import { openTokenizerFile, type TokenizerFile } from './tokenizer-file.ts';
import { fingerprint } from './weight-file.ts';

/** What a generator learns from. */
export interface EncodedData {
  readonly train: EncodedSplit;
  /** Null where no images are held out for it. */
  readonly validation: EncodedSplit | null;
}

/** Images that are encoded at a time. */
export const ENCODE_BATCH = 50;

/** Both splits as the trained tokenizer encodes them; nothing of it depends on what is measured later. */
export async function encodeData(
  room: Room,
  recipeParts: RecipeParts,
  { path, sha256 }: TokenizerFile,
): Promise<EncodedData> {
  const { recipe, data, out, progress, note, engine } = room;
  const config = recipeParts.facts.configs.tokenizer;
  const { tokenizer, dispose } = await openTokenizerFile(engine, recipeParts, { path, config });
  const encode = (split: 'train' | 'validation') =>
    encodedSplit(data[split], {
      path: join(out, 'tokens', `${split}.safetensors`),
      tokenizerMadeOf: fingerprint(sha256, recipe.model!.tokenizer),
      tokenizer,
      batch: ENCODE_BATCH,
      flips: split === 'train' && flipsOf(recipe),
      progress: progress(`encode ${split}`),
      note,
    });
  try {
    const train = await encode('train');
    return { train, validation: data.validation.count > 0 ? await encode('validation') : null };
  } finally {
    dispose();
  }
}

/** The recipe's configuration of the tokenizer, and what was measured of it. */
export async function settledConfig(
  { recipe, engine, data }: Room,
  { file, encoded, drafted }: { file: TokenizerFile; encoded: EncodedData; drafted: unknown },
): Promise<object> {
  const weights = await fileWeights(file.path);
  try {
    const { plugin } = recipe.model!.tokenizer;
    const measured = await measuresOf(plugin).settle({
      engine,
      data,
      config: drafted,
      weights,
      encoded: encoded.train,
    });
    return { ...(recipe.model!.tokenizer.config as object), ...measured };
  } finally {
    weights.dispose();
  }
}
