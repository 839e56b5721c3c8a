import * as tf from '@tensorflow/tfjs';
import type { BackbonePlugin } from '@tessera/core';
import { plainRng, take } from '../bench.ts';
import { apart } from '../compare.ts';
import type { PartTrial } from '../options.ts';
import { batchTensors, trainBatchFrom, withBackbone, type Images, type OpenedBackbone } from './opened-backbone.ts';

/** So small a rate of dropout drops nothing of what the kit tries. */
const ALMOST_NONE = 1e-6;

/**
 * What training computes otherwise than sampling although its noise does nothing, or null: as the configuration is, and with
 * each number that may be 0, such as a rate of dropout, all but 0. Where two draws of the noise still differ nothing is asked.
 */
export async function otherWithoutNoise(spec: PartTrial<BackbonePlugin>, images: Images): Promise<string | null> {
  for (const { config, called } of [{ config: spec.trial.config, called: '' }, ...quietConfigs(spec)]) {
    const found = await withBackbone({ ...spec, trial: { ...spec.trial, config } }, (opened) => unlike(opened, images));
    if (found !== null) return `${found}${called}`;
  }
  return null;
}

function quietConfigs({ plugin: { config: schema, name }, trial }: PartTrial<BackbonePlugin>) {
  return Object.entries(schema.json.properties ?? {}).flatMap(([field, { type, minimum }]) => {
    if (type !== 'number' || minimum !== 0) return [];
    try {
      const config = { ...(trial.config as object), [field]: ALMOST_NONE };
      schema.parse(config, name);
      return [{ config, called: `, with ${field} = ${ALMOST_NONE}` }];
    } catch {
      return []; // fields depend on one another
    }
  });
}

async function unlike(opened: OpenedBackbone, images: Images): Promise<string | null> {
  const { backbone, facts, trial } = opened;
  const given = batchTensors(opened, images);
  const taught = (train: boolean, draw: number): Promise<Float32Array> =>
    take(
      tf.tidy(() => {
        const rng = plainRng(1000 * trial.seed + draw);
        return tf.clone(backbone.teach(trainBatchFrom(facts, given), { rng, train }).values_BlD);
      }),
    );
  try {
    const [one, other] = [await taught(true, 1), await taught(true, 2)];
    if (apart('', one, other) !== null) return null;
    return apart('hidden states of training, whose noise does nothing, and of sampling', one, await taught(false, 0));
  } finally {
    tf.dispose(given);
  }
}
