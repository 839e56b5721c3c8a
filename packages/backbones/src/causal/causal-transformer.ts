import type { Backbone, BackboneDims, BuildContext } from '@tessera/core';
import { defineBackbone } from '@tessera/plugin-kit';
import { adaLNConfig, type AdaLNConfig } from '../adaln/config.ts';
import { WHO } from './model.ts';
import { takeParams } from './params.ts';
import { compilePrograms } from './programs.ts';
import { openRollout } from './rollout.ts';
import { teach } from './teach.ts';

/**
 * One token after another, in any order (MAR, arXiv 2406.11838, section 3.3 and table 1): each input carries the newest
 * token, and an instruction which position comes next (sigma-GPT, arXiv 2404.09562). Blocks and conditioning are VAR's.
 */
export const causalTransformer = defineBackbone({
  contract: 1,
  name: WHO,
  package: '@tessera/backbones',
  config: adaLNConfig,
  describe: ({ width, classes }) => ({ width, condition: { kind: 'class', classes }, reads: 'last', remembers: true }),
  build: buildBackbone,
});

function buildBackbone(config: AdaLNConfig, dims: BackboneDims, { engine, weights }: BuildContext): Backbone {
  const model = { config, dims, params: takeParams(config, dims, weights) };
  const programs = compilePrograms(model, engine);
  return {
    width: config.width,
    reads: 'last',
    openRollout: (rows, guidance) => openRollout({ model, programs }, rows, guidance),
    teach: (lesson, context) => teach(model, lesson, context),
    dispose: () => programs.dispose(),
  };
}
