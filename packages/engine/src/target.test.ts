import { describe, expect, it } from 'vitest';
import { createEngine } from './create-engine.ts';
import { selectTarget } from './target.ts';

describe('selectTarget', () => {
  it('takes what is asked for, then the environment, then onnx, and says so', () => {
    expect(selectTarget('eager', { TESSERA_TARGET: 'onnx' })).toEqual({ target: 'eager', why: 'eager: asked for' });
    expect(selectTarget(undefined, { TESSERA_TARGET: 'eager' }).target).toBe('eager');
    expect(selectTarget(undefined, {}).target).toBe('onnx');
    expect(selectTarget(undefined, { TESSERA_TARGET: '' }).why).toMatch(/^onnx: /);
  });

  it('refuses targets that it does not know', () => {
    expect(() => selectTarget('cuda', {})).toThrow(/'cuda'; expected 'onnx' or 'tensorflow' or 'eager'/);
    expect(() => selectTarget(undefined, { TESSERA_TARGET: 'gpu' })).toThrow(/TESSERA_TARGET/);
  });
});

describe('createEngine', () => {
  it('says where it runs, and refuses odd numbers of threads', () => {
    expect(createEngine({ target: 'eager' })).toMatchObject({ target: 'eager', why: 'eager: asked for' });
    expect(() => createEngine({ threads: 0 })).toThrow(/0 threads/);
  });
});
