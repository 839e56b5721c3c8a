import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import { bindingFile } from '@tessera/tensorflow-setup';
import { selectTarget, targetTimes } from './select-target.ts';

describe('selectTarget', () => {
  it('takes what is asked for, then the environment, then the fastest, and says so', () => {
    const use = 'inference';
    const environment = (target: string) => ({ TESSERA_TARGET: target, TESSERA_CACHE: '/nowhere' });
    const asked = selectTarget({ use, asked: 'eager', environment: environment('onnx') });
    expect(asked).toEqual({ target: 'eager', why: 'eager: asked for' });
    expect(selectTarget({ use, environment: environment('eager') }).target).toBe('eager');
    expect(selectTarget({ use, environment: environment('') })).toEqual({
      target: 'onnx',
      why: 'onnx: the default for inference, TensorFlow is not set up',
    });
  });

  it('takes TensorFlow where it is set up and was measured to be worth it', () => {
    const cache = mkdtempSync(join(tmpdir(), 'tessera-target-'));
    const platform = `${process.platform}-${process.arch}`;
    mkdirSync(join(cache, 'tensorflow'));
    writeFileSync(
      join(cache, 'tensorflow', 'manifest.json'),
      JSON.stringify({ platform, variant: 'cpu', kernels: '.' }),
    );
    writeFileSync(join(cache, 'tensorflow', bindingFile('cpu')), '');
    for (const use of ['inference', 'training'] as const) {
      const { target, why } = selectTarget({ use, environment: { TESSERA_CACHE: cache } });
      const time = targetTimes()[use].tensorflow ?? Infinity;
      expect(target).toBe(time <= 0.9 ? 'tensorflow' : 'onnx');
      expect(why).toContain(
        time <= 0.9 ? `measured to take ${time.toFixed(2)} of the time` : 'not measured to be faster',
      );
    }
    rmSync(cache, { recursive: true });
  });

  it('refuses targets that it does not know', () => {
    const use = 'training';
    expect(() => selectTarget({ use, asked: 'cuda' })).toThrow(/'cuda'; expected 'onnx' or 'tensorflow' or 'eager'/);
    expect(() => selectTarget({ use, environment: { TESSERA_TARGET: 'gpu' } })).toThrow(/TESSERA_TARGET/);
  });
});

describe('createEngine', () => {
  it('says where it runs, and refuses odd numbers of threads and odd uses of XLA', () => {
    expect(createEngine({ target: 'eager' })).toMatchObject({ target: 'eager', why: 'eager: asked for' });
    expect(() => createEngine({ threads: 0 })).toThrow(/0 threads/);
    expect(() => createEngine({ xla: 'sometimes' as 'auto' })).toThrow(/xla: 'sometimes'; expected auto/);
  });
});
