import { CompiledProgram } from './program/compiled-program.ts';
import type { DeviceNumbers, GraphTarget, Target } from './target.ts';
import { GraphStep } from './train/graph-step.ts';
import { ParameterStore } from './train/spec.ts';

/** A target whose programs and training steps are graphs. */
export function graphTarget(target: GraphTarget): Target {
  // Steps of one target see each other's parameters: an adversarial pair trains in turns.
  const store = new ParameterStore<DeviceNumbers>();
  const { name, device, training } = target;
  return {
    name,
    inMemory: device.inMemory,
    program: (fn) => new CompiledProgram(fn, target),
    ...(training && { step: (spec) => new GraphStep(spec, { target, training, store }) }),
  };
}
