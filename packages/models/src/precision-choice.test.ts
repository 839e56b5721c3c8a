import process from 'node:process';
import { createEngine } from '@tessera/targets';
import { expect, it } from 'vitest';
import { precisionFor } from './precision.ts';

it('takes what is asked for, then what the model says', () => {
  expect(precisionFor('int8', { own: undefined, width: 64 })).toBe('int8');
  expect(precisionFor('float32', { own: 'int8', width: 64 })).toBe('float32');
  expect(precisionFor(null, { own: 'int8', width: 64 })).toBe('int8');
  expect(precisionFor(null, { own: undefined, width: 1024 })).toBe('float32');
});

it('takes int8 of itself for wide models, and for those that are stored so', () => {
  expect(precisionFor('auto', { own: undefined, width: 1024 })).toBe('int8');
  expect(precisionFor('auto', { own: undefined, width: 192 })).toBe('float32');
  expect(precisionFor('auto', { own: 'int8', width: 192 })).toBe('int8');
});

it('says what auto is on this host, and leaves it to models where it was not measured', () => {
  const of = (target: string) => {
    const engine = createEngine({ target, precision: 'auto' });
    engine.dispose();
    return { precision: engine.precision, why: engine.why };
  };
  expect(of('eager')).toEqual({ precision: null, why: expect.stringContaining('not in int8') });
  expect(of('onnx').precision).toBe(process.arch === 'x64' ? 'auto' : null);
});
