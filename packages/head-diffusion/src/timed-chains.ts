import type { Tensor2D } from '@tensorflow/tfjs';
import type { Step } from '@tessera/core';
import { tensorFrom, type Engine } from '@tessera/engine';
import { annealedSteps, evenPlaces } from './annealing.ts';
import { openChain, type Chain } from './chain.ts';
import type { DiffusionOptions } from './config.ts';
import type { Denoiser } from './denoiser.ts';
import { keptTimesteps } from './respacing.ts';
import { takeNumbers } from './take-numbers.ts';
import { TIMESTEP_FEATURES, timestepFeatures } from './timestep-features.ts';

export interface TimedChain {
  readonly chain: Chain;
  /** The embedded timestep of a step of the chain, W numbers. */
  time(step: number): Float32Array;
}

export interface TimedChains {
  /** The chain of a step of the order: all of the request's, or some of its timesteps where the step comes late. */
  of(options: DiffusionOptions, step: Pick<Step, 'index' | 'of'>): Promise<TimedChain>;
  dispose(): void;
}

interface Embedded {
  readonly respacing: string;
  /** What the embedding was computed from. */
  readonly ids: readonly object[];
  readonly timesteps: Int32Array;
  /** Row-major. */
  readonly time_TW: Float32Array;
}

/** Timesteps are embedded once for a request's longest chain, the latest of which is kept; shorter ones take rows of it. */
export function openTimedChains(engine: Engine, denoiser: Denoiser): TimedChains {
  const program = engine.compile((features: Tensor2D) => denoiser.embedTime(features), {
    name: 'diffusion.time',
    axes: ['T .'],
  });
  let kept: Embedded | null = null;
  const embed = async (respacing: string): Promise<Embedded> => {
    // Training gives its variables new numbers, and these new ids.
    const ids = denoiser.timeParams.map(({ dataId }) => dataId);
    if (kept?.respacing === respacing && kept.ids.every((id, i) => id === ids[i])) return kept;
    const timesteps = keptTimesteps(respacing);
    const features = tensorFrom(timestepFeatures(timesteps), [timesteps.length, TIMESTEP_FEATURES]) as Tensor2D;
    try {
      return (kept = { respacing, ids, timesteps, time_TW: await takeNumbers(await program(features)) });
    } finally {
      features.dispose();
    }
  };
  return {
    of: async ({ respacing, lateSteps }, step) => {
      const { timesteps, time_TW } = await embed(respacing);
      const steps = timesteps.length;
      const places = evenPlaces(steps, annealedSteps({ steps, lateSteps }, step));
      const width = time_TW.length / steps;
      return {
        chain: openChain(places.map((place) => timesteps[place]!)),
        time: (own) => time_TW.subarray(places[own]! * width, (places[own]! + 1) * width),
      };
    },
    dispose: () => program.dispose(),
  };
}
