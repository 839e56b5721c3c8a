import { join } from 'node:path';
import type { Part, TokenizerPlugin, Weights } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { silentProgress } from '@tessera/progress';
import { encodedSplit, type DataSet } from '@tessera/training';
import type { GroundTokenizer } from './ground.ts';

export interface GroundTokenizerRequest {
  readonly engine: Engine;
  readonly data: DataSet;
  readonly part: Part<TokenizerPlugin>;
  readonly weights: Weights;
  /** Where encodings are kept from run to run. */
  readonly folder: string;
  /** All that decides them besides the data. */
  readonly tokenizerDigest: string;
  /** Is told why encodings that were kept are made again. */
  readonly note: (sentence: string) => void;
}

const BATCH = 50;

/** Builds a tokenizer and encodes both splits with it. */
export async function openGroundTokenizer(request: GroundTokenizerRequest): Promise<GroundTokenizer> {
  const { engine, data, part, weights, folder, tokenizerDigest, note } = request;
  const { plugin, config } = part;
  const tokenizer = plugin.build(plugin.config.parse(config, plugin.name), { engine, weights });
  const encode = (split: 'train' | 'validation') => {
    const given = { tokenizerDigest, tokenizer, batch: BATCH, flips: false, progress: () => silentProgress, note };
    return encodedSplit(data[split], { ...given, path: join(folder, `${split}.safetensors`) });
  };
  const madeOf = `${tokenizerDigest} ${await data.train.digest()} ${await data.validation.digest()}`;
  return { part, tokenizer, madeOf, encoded: { train: await encode('train'), validation: await encode('validation') } };
}
