import type { Backbone, BuildContext } from '@tessera/core';
import { defineBackbone } from '@tessera/plugin-kit';
import { adaLNConfig, type AdaLNConfig } from '../adaln/config.ts';
import { takeParams, type NextScaleDims } from './params.ts';
import { compilePrograms } from './programs.ts';
import { openRollout } from './rollout.ts';
import { teach } from './teach.ts';

/** The transformer of VAR (arXiv 2404.02905): predicts all tokens of a scale from the estimate that coarser ones give. */
export const nextScaleTransformer = defineBackbone({
  contract: 1,
  name: 'next-scale-transformer',
  package: '@tessera/backbones',
  config: adaLNConfig,
  describe: ({ width, classes }) => ({
    width,
    condition: { kind: 'class', classes },
    reads: 'estimate',
    remembers: true,
  }),
  build: buildBackbone,
});

function buildBackbone(config: AdaLNConfig, dims: NextScaleDims, { engine, weights }: BuildContext): Backbone {
  const model = { config, dims, params: takeParams(config, dims, weights) };
  const programs = compilePrograms(model, engine);
  return {
    width: config.width,
    reads: 'estimate',
    openRollout: (rows, guidance) => openRollout({ model, programs }, rows, guidance),
    teach: (lesson, context) => teach(model, lesson, context),
    dispose: () => programs.dispose(),
  };
}
