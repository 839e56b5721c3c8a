import type { Backbone, BuildContext } from '@tessera/core';
import { defineBackbone } from '@tessera/plugin-kit';
import { maskedConfig, type MaskedConfig } from './config.ts';
import type { MaskedModel } from './forward.ts';
import { takeParams, type MaskedDims } from './params.ts';
import { compileStep } from './programs.ts';
import { openRollout } from './rollout.ts';
import { teach } from './teach.ts';

/** The transformers of MAR (arXiv 2406.11838): an encoder of the known tokens, a decoder that fills in the others. */
export const maskedEncoderDecoder = defineBackbone({
  contract: 1,
  name: 'masked-encoder-decoder',
  package: '@tessera/backbones',
  config: maskedConfig,
  describe: ({ decoder, classes }) => ({
    width: decoder.width,
    condition: { kind: 'class', classes },
    reads: 'known',
    remembers: false,
  }),
  build: buildBackbone,
});

function buildBackbone(config: MaskedConfig, dims: MaskedDims, { engine, weights }: BuildContext): Backbone {
  const model: MaskedModel = { config, dims, params: takeParams(config, dims, weights) };
  const program = compileStep(model, engine);
  return {
    width: config.decoder.width,
    reads: 'known',
    openRollout: async (rows, guidance) => openRollout({ model, program }, rows, guidance),
    teach: (lesson, context) => teach(model, lesson, context),
    dispose: () => program.dispose(),
  };
}
