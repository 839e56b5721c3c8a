import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import type {
  BackboneDims,
  BuildContext,
  ConditionedBackbone,
  Conditioning,
  Context,
  Hidden,
  Rollout,
  Step,
} from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { defineBackbone } from '@tessera/plugin-kit';
import { classModulatedConfig, type ClassModulatedConfig } from '../class-modulated/params.ts';
import { startRollout } from '../class-modulated/rollout.ts';
import { conditionFacts } from '../own-condition.ts';
import { intTensor, scaleOfPositions } from '../positions.ts';
import { compilePrograms, takeParams, teach, WHO, type NextScaleModel, type NextScalePrograms } from './model.ts';

/**
 * The transformer of VAR (arXiv 2404.02905, section 3.2). The likelihood of an image is the product over its scales of
 * p(r_k | r_1, ..., r_(k-1)) (equation 6): all tokens of a scale are predicted at once, from the estimate of it that the
 * coarser ones give.
 */
export const nextScaleTransformer = defineBackbone({
  contract: 2,
  name: WHO,
  package: '@tessera/backbones',
  config: classModulatedConfig,
  describe: (config) => ({
    width: config.width,
    condition: conditionFacts(config, { width: config.width }),
    reads: 'estimate',
    remembers: true,
    endsGuidance: true,
    anySize: true,
  }),
  build: buildBackbone,
});

function buildBackbone(config: ClassModulatedConfig, dims: BackboneDims, context: BuildContext): ConditionedBackbone {
  const model = { config, dims, params: takeParams(config, dims, context.weights) };
  const programs = compilePrograms(model, context.engine);
  return {
    width: config.width,
    reads: 'estimate',
    openRollout: (conditioning) => openRollout({ model, programs }, conditioning),
    teach: (batch, train) => teach(model, batch, train),
    dispose: () => programs.dispose(),
  };
}

interface RolloutParts {
  readonly model: NextScaleModel;
  readonly programs: NextScalePrograms;
}

/** One step per scale: the first sees the condition alone, later ones their estimate and, by the cache, all before. */
async function openRollout({ model, programs }: RolloutParts, conditioning: Conditioning): Promise<Rollout> {
  const { layout } = model.dims;
  const group_L = scaleOfPositions(layout, layout.length);
  let started = await startRollout({ model, programs, group_L }, conditioning);

  function embed(values_BlC: Tensor3D, step: Step): Promise<Tensor3D> {
    const { start, height, width } = layout.scales[step.index]!;
    const positions_l = intTensor(Array.from({ length: height * width }, (_, i) => start + i)) as Tensor1D;
    const running = programs.embed({ values_BlC, positions_l }, started.opening.places, started.row_R);
    return running.finally(() => positions_l.dispose());
  }

  return {
    remembers: true,
    async forward(context: Context, step: Step, isGuided: boolean): Promise<Hidden> {
      const values_BlC = estimateOf(context, step);
      const { positions_Bl } = step;
      if (started.guided && !isGuided) started = await started.endGuidance();
      const { opening, history, guided } = started;
      if (values_BlC === null) return { values_RlD: await history.extend(opening.start_RlD), positions_Bl, guided };
      const x_RlD = await embed(values_BlC, step);
      const values_RlD = await history.extend(x_RlD).finally(() => x_RlD.dispose());
      return { values_RlD, positions_Bl, guided };
    },
    dispose: () => started.dispose(),
  };
}

/** The estimate that the canvas gives of this scale; null at the first. @throws TesseraError `context-mismatch` */
function estimateOf(context: Context, step: Step): Tensor3D | null {
  const expected = step.index === 0 ? 'an empty canvas' : 'the estimate of this scale';
  if (context.reads === 'estimate' && (context.values_BlC === null) === (step.index === 0)) return context.values_BlC;
  throw new TesseraError({
    code: 'context-mismatch',
    who: WHO,
    got: `a context of '${context.reads}' at step ${step.index}`,
    expected,
    next: 'Compose this backbone with the next-scale order and a tokenizer that serves estimates.',
  });
}
