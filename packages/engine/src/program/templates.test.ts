import { expect, it } from 'vitest';
import type { LoweredModel } from '../target.ts';
import { polymorph } from './templates.ts';

it('templates tell attributes apart that JSON writes alike', () => {
  const model = (alpha: number): LoweredModel => {
    const port = { dtype: 'float32', dims: [2] } as const;
    const node = { op: 'LeakyRelu', inputs: ['in0'], outputs: ['y'], attrs: { alpha: { float: alpha } } };
    const edges = { inputs: [{ ...port, name: 'in0' }], outputs: [{ ...port, name: 'y' }] };
    return { nodes: [node], constants: new Map(), weights: [], ...edges };
  };
  const numbers = [0, -0, NaN, Infinity, -Infinity];
  for (const a of numbers) {
    for (const b of numbers) expect(polymorph(model(a), model(b)) !== null).toBe(Object.is(a, b));
  }
});
