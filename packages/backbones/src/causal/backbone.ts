import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type {
  BackboneDims,
  BuildContext,
  ConditionedBackbone,
  Conditioning,
  Context,
  Embedded,
  Hidden,
  Rollout,
  Step,
} from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { defineBackbone } from '@tessera/plugin-kit';
import { classModulatedConfig, type ClassModulatedConfig } from '../class-modulated/params.ts';
import { startRollout } from '../class-modulated/rollout.ts';
import { conditionFacts } from '../own-condition.ts';
import { intTensor } from '../positions.ts';
import {
  compilePrograms,
  placesInOrder,
  takeParams,
  teach,
  WHO,
  type CausalModel,
  type CausalPrograms,
} from './model.ts';

/**
 * One token after another, in any order: p(x_1, ..., x_n) is the product of p(x_i | x_1, ..., x_(i-1)) (MAR, arXiv
 * 2406.11838, section 3.3, equation 3; random orders: section 3.4). Each input carries the newest token, and an
 * instruction which position comes next (sigma-GPT, arXiv 2404.09562). Blocks and conditioning are VAR's.
 */
export const causalTransformer = defineBackbone({
  contract: 2,
  name: WHO,
  package: '@tessera/backbones',
  config: classModulatedConfig,
  describe: (config) => ({
    width: config.width,
    condition: conditionFacts(config, { width: config.width }),
    reads: 'last',
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
    reads: 'last',
    openRollout: (conditioning) => openRollout({ model, programs }, conditioning),
    teach: (batch, train) => teach(model, batch, train),
    dispose: () => programs.dispose(),
  };
}

interface RolloutParts {
  readonly model: CausalModel;
  readonly programs: CausalPrograms;
}

/** One token a step: the first sees the condition alone, later ones the newest token and, by the cache, all before. */
async function openRollout({ model, programs }: RolloutParts, conditioning: Conditioning): Promise<Rollout> {
  const group_L = placesInOrder(model.dims.layout.length);
  let started = await startRollout({ model, programs, group_L }, conditioning);
  const { batch } = started;
  /** Where the newest tokens lie; empty before the first. */
  let newest = new Int32Array(0);

  function map(): Pick<Embedded, 'map_RLD'> {
    const { map_RLD } = started.guided ? conditioning.guided! : conditioning.own;
    return map_RLD ? { map_RLD } : {};
  }

  function begin({ positions_Bl }: Step): Promise<Tensor3D> {
    const { opening, guided } = started;
    const next_R1 = columnOf(guided ? [...positions_Bl, ...positions_Bl] : positions_Bl);
    return programs.begin(opening.start_R1D, map(), next_R1).finally(() => next_R1.dispose());
  }

  function embed(values_BlC: Tensor3D, { positions_Bl }: Step): Promise<Tensor3D> {
    const places = { positions_Bl: columnOf(newest), next_Bl: columnOf(positions_Bl) };
    const running = programs.embed({ values_BlC, ...places }, map(), started.row_R);
    return running.finally(() => Object.values(places).forEach((tensor) => tensor.dispose()));
  }

  return {
    remembers: true,
    async forward(context: Context, step: Step, isGuided: boolean): Promise<Hidden> {
      const values_BlC = newestOf(context, step, { batch, isFirst: newest.length === 0 });
      if (started.guided && !isGuided) started = await started.endGuidance();
      const { history, guided } = started;
      const x_RlD = await (values_BlC === null ? begin(step) : embed(values_BlC, step));
      newest = step.positions_Bl.slice();
      const values_RlD = await history.extend(x_RlD).finally(() => x_RlD.dispose());
      return { values_RlD, positions_Bl: step.positions_Bl, guided };
    },
    dispose: () => started.dispose(),
  };
}

/** One number a row, [R, 1]. */
function columnOf(values_R: ArrayLike<number>): Tensor2D {
  return intTensor(values_R, [values_R.length, 1]) as Tensor2D;
}

/** The token of each row that the step before wrote; null at the first. @throws TesseraError `context-mismatch` */
function newestOf(
  context: Context,
  step: Step,
  at: { readonly batch: number; readonly isFirst: boolean },
): Tensor3D | null {
  const isOne = step.positions_Bl.length === at.batch;
  if (isOne && context.reads === 'last' && (context.values_BlC === null) === at.isFirst) return context.values_BlC;
  throw new TesseraError({
    code: 'context-mismatch',
    who: WHO,
    got: `a context of '${context.reads}' and ${step.positions_Bl.length} positions at step ${step.index}`,
    expected: `${at.isFirst ? 'an empty canvas' : 'the newest token of each row'}, and one position for each of ${at.batch} rows`,
    next: "Compose this backbone with an order of one token a step and a tokenizer that serves 'last'.",
  });
}
