import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { marInventory, type ModelInventory } from '@tessera/goldens';
import { kl16 } from '@tessera/tokenizer-continuous';
import type { ModelManifest } from '../../manifest.ts';
import { resolveParts } from '../../plugins/built-in.ts';
import { differences, recordedShapes, type Shapes } from '../../weights.ts';
import {
  marPresets,
  configOfKlState,
  configOfMarState,
  patchSizeOf,
  type MarName,
  type MarPreset,
} from './state-config.ts';

const inventories = marInventory();

function shapesOf({ entries }: ModelInventory): Shapes {
  return new Map(Object.entries(entries).map(([name, [, shape]]) => [name, shape]));
}

function count(shapes: Shapes): number {
  return [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((product, side) => product * side, 1), 0);
}

/** Only the components matter to a plug-in. */
function partsOf({ backbone, head }: MarPreset): ReturnType<typeof resolveParts> {
  const manifest = {
    tokenizer: { plugin: 'kl', config: kl16 },
    order: { plugin: 'random-sets', config: {} },
    backbone: { plugin: 'masked-encoder-decoder', config: backbone },
    head: { plugin: 'diffusion', config: head },
  };
  return resolveParts(manifest as ModelManifest, 'test');
}

let engine: Engine;
beforeAll(() => void (engine = createEngine()));
afterAll(() => engine.dispose());

describe('names and shapes of published checkpoints', () => {
  it.each(Object.keys(marPresets) as MarName[])('MAR-%s maps without a leftover on either side', (name) => {
    const inventory = inventories[`mar_${name}`]!;
    const official = shapesOf(inventory);
    const asked = recordedShapes(partsOf(marPresets[name]), engine);
    expect(differences(new Map([...asked.backbone, ...asked.head]), official)).toEqual([]);
    expect([...asked.head.keys()].every((key) => key.startsWith('diffloss.net.'))).toBe(true);
    expect(count(official)).toBe(inventory.n_params);
    const { backbone, head } = marPresets[name];
    expect(configOfMarState(official, { who: 'test' })).toEqual({ backbone, head, length: 256, channels: 16 });
  });

  it('the tokenizer maps without a leftover on either side', () => {
    const inventory = inventories['kl16']!;
    const official = shapesOf(inventory);
    const asked = recordedShapes(partsOf(marPresets.base), engine);
    expect(differences(asked.tokenizer, official)).toEqual([]);
    expect(count(official)).toBe(inventory.n_params);
    expect(configOfKlState(official, { who: 'test' })).toEqual(kl16);
    expect(() => configOfKlState(official, { who: 'test', latentScale: 0 })).toThrow('above zero');
  });
});

function codeOf(tokenChannels: number, latentChannels: number, said?: number): unknown {
  try {
    return patchSizeOf({ who: 'test', tokenChannels, latentChannels, said });
  } catch (error) {
    return (error as { readonly code?: string }).code;
  }
}

describe('patchSizeOf', () => {
  it('follows from the channels', () => {
    expect([codeOf(16, 16), codeOf(16, 4), codeOf(64, 16, 2), codeOf(16, 16, 1)]).toEqual([1, 2, 2, 1]);
  });

  it('must be what the generator was made with', () => {
    expect(codeOf(16, 16, 2)).toBe('patch-mismatch');
    expect(codeOf(16, 4, 1)).toBe('patch-mismatch');
  });

  it('needs channels that make whole patches', () => {
    expect([codeOf(4, 16), codeOf(32, 16), codeOf(16, 3, 2)]).toEqual(new Array(3).fill('channels-mismatch'));
  });
});
