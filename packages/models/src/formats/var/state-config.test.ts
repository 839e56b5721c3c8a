import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { varInventory, type ModelInventory } from '@tessera/goldens';
import type { ModelManifest } from '../../manifest.ts';
import { resolveParts } from '../../plugins/built-in.ts';
import { isDerived, inferSides, patchNumsOf, tokensOf } from './scales.ts';
import {
  varPresets,
  varTokenizer,
  configOfVarState,
  configOfVqState,
  type VarName,
  type VarPreset,
} from './state-config.ts';
import { differences, recordedShapes, type Shapes } from '../../weights.ts';
import { TesseraError } from '@tessera/errors';

const inventories = varInventory();

function shapesOf({ entries }: ModelInventory): Shapes {
  return new Map(Object.entries(entries).map(([name, [, shape]]) => [name, shape]));
}

function without(shapes: Shapes, left: (name: string) => boolean): Shapes {
  return new Map([...shapes].filter(([name]) => !left(name)));
}

function count(shapes: Shapes): number {
  return [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((product, side) => product * side, 1), 0);
}

/** Only the components matter to a plug-in. */
function partsOf({ backbone, patchNums }: VarPreset): ReturnType<typeof resolveParts> {
  const manifest = {
    tokenizer: { plugin: 'vq', config: varTokenizer(patchNums) },
    order: { plugin: 'next-scale', config: {} },
    backbone: { plugin: 'next-scale-transformer', config: backbone },
    head: { plugin: 'categorical', config: {} },
  };
  return resolveParts(manifest as ModelManifest, 'test');
}

let engine: Engine;
beforeAll(() => void (engine = createEngine()));
afterAll(() => engine.dispose());

describe('names and shapes of published checkpoints', () => {
  it.each(Object.keys(varPresets) as VarName[])('VAR-%s maps without a leftover on either side', (name) => {
    const inventory = inventories[`var_${name}`]!;
    const official = shapesOf(inventory);
    const learned = without(official, isDerived);
    const asked = recordedShapes(partsOf(varPresets[name]), engine);
    expect(differences(new Map([...asked.backbone, ...asked.head]), learned)).toEqual([]);
    expect([...asked.head.keys()]).toEqual(['head.weight', 'head.bias']);
    expect(count(learned)).toBe(inventory.n_params);
    const { initGate, initModulation, ...told } = varPresets[name].backbone;
    expect([initGate, initModulation]).not.toContain(undefined);
    expect(configOfVarState(official, { who: 'test' })).toMatchObject({
      backbone: told,
      patchNums: varPresets[name].patchNums,
    });
  });

  it('the tokenizer maps without a leftover on either side', () => {
    const inventory = inventories['vae_ch160v4096z32']!;
    const official = shapesOf(inventory);
    const learned = without(official, (name) => name === 'quantize.ema_vocab_hit_SV');
    const asked = recordedShapes(partsOf(varPresets.d16), engine);
    expect(differences(asked.tokenizer, learned)).toEqual([]);
    expect(count(learned)).toBe(inventory.n_params);
    const patchNums = patchNumsOf[256];
    expect(configOfVqState(official, { who: 'test', patchNums })).toEqual(varTokenizer(patchNums));
  });

  it('tells what differs', () => {
    const asked = new Map([
      ['a', [1]],
      ['b', [2, 3]],
    ]);
    const found = new Map([
      ['b', [3, 2]],
      ['c', []],
    ]);
    expect(differences(asked, found)).toEqual(['a missing', 'b [3, 2] instead of [2, 3]', 'c left over']);
  });
});

describe('scales from token counts', () => {
  it.each(Object.values(patchNumsOf))('finds published scales %j', (...sides) => {
    const found = inferSides({ length: tokensOf(sides), scales: sides.length, first: 1 }, 'test');
    expect(found).toEqual({ sides, certain: false });
  });

  it('counts the published tokens', () => {
    expect(Object.values(patchNumsOf).map(tokensOf)).toEqual([680, 2240, 9451]);
  });

  it('finds the only answer', () => {
    expect(inferSides({ length: 21, scales: 3, first: 1 }, 'test')).toEqual({ sides: [1, 2, 4], certain: true });
    expect(inferSides({ length: 16, scales: 1, first: 16 }, 'test')).toEqual({ sides: [4], certain: true });
  });

  it.each([
    [{ length: 86, scales: 3, first: 1 }, 'patch-nums-ambiguous'], // 1 2 9 or 1 6 7
    [{ length: 142, scales: 5, first: 1 }, 'patch-nums-ambiguous'], // 1 2 3 8 8, 1 4 5 6 8 and more
    [{ length: 22, scales: 3, first: 1 }, 'patch-nums-impossible'],
    [{ length: 21, scales: 3, first: 2 }, 'patch-nums-impossible'],
  ])('refuses %j as %s', (counts, code) => {
    try {
      inferSides(counts, 'test');
    } catch (error) {
      expect((error as TesseraError).code).toBe(code);
      return;
    }
    throw new Error('was accepted');
  });
});
