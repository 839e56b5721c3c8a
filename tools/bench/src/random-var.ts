import type { NextScaleConfig } from '@tessera/backbones';
import type { VqConfig } from '@tessera/tokenizer-vq';
import { randomModel } from './random-model.ts';

/** A VAR of random weights: the head's start is large enough to make a difference. */
export function randomVar({
  name,
  backbone,
  tokenizer,
}: {
  readonly name: string;
  readonly backbone: NextScaleConfig;
  readonly tokenizer: VqConfig;
}): Promise<string> {
  return randomModel({
    name,
    classes: backbone.classes,
    tokenizer: { plugin: 'vq', config: tokenizer },
    order: { plugin: 'next-scale', config: {} },
    backbone: { plugin: 'next-scale-transformer', config: backbone },
    head: { plugin: 'categorical', config: { initScale: 1 } },
    defaults: { guidance: { kind: 'ramp', scale: 1.5 }, options: { topK: 900, topP: 0.96 }, preview: 'none' },
  });
}
