import * as tf from '@tensorflow/tfjs';
import { checkParts, type Parts, type Weights } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { type WeightedComponent } from '../manifest.ts';
import type { Shapes } from './state-shapes.ts';

/**
 * Names and shapes that the parts ask for, by component: they are built from tensors without bytes and disposed again,
 * so that even the largest model is asked in no time.
 */
export function recordedShapes(parts: Parts, engine: Engine): Readonly<Record<WeightedComponent, Shapes>> {
  const { configs, layout, space, width } = checkParts(parts);
  const shapes = { tokenizer: new Map(), backbone: new Map(), head: new Map() };
  const context = (component: WeightedComponent) => ({ engine, weights: recorder(shapes[component]) });
  const built: { dispose(): void }[] = [];
  try {
    const tokenizer = parts.tokenizer.plugin.build(configs.tokenizer, context('tokenizer'));
    built.push(tokenizer);
    built.push(parts.backbone.plugin.build(configs.backbone, { layout, space }, context('backbone')));
    built.push(parts.head.plugin.build(configs.head, { width, space: tokenizer.space }, context('head')));
    return shapes;
  } finally {
    for (const part of built) part.dispose();
  }
}

function recorder(shapes: Map<string, readonly number[]>): Weights {
  return {
    has: () => true,
    param: (name, shape) => {
      shapes.set(name, shape);
      // Never registered, so there is nothing to dispose; reading or computing with it throws.
      return new tf.Tensor([...shape], 'float32', {}, 0);
    },
  };
}

/** How a state dict differs from what the parts ask for; empty when it does not. */
export function differences(asked: Shapes, found: Shapes): string[] {
  const problems: string[] = [];
  for (const [name, shape] of asked) {
    const there = found.get(name);
    if (!there) problems.push(`${name} missing`);
    else if (String(there) !== String(shape)) {
      problems.push(`${name} [${there.join(', ')}] instead of [${shape.join(', ')}]`);
    }
  }
  for (const name of found.keys()) if (!asked.has(name)) problems.push(`${name} left over`);
  return problems;
}
