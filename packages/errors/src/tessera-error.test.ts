import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { causeStack, isTesseraError, TesseraError } from './index.ts';

const parts = { code: 'label-out-of-range', who: 'digits', got: 'label 12', expected: 'a label from 0 to 9' };

describe('TesseraError', () => {
  it('makes one sentence of its parts', () => {
    const error = new TesseraError({ ...parts, next: 'Choose a label of this model.' });
    expect(error.message).toBe('[digits] got label 12; expected a label from 0 to 9. Choose a label of this model.');
    expect(new TesseraError(parts).message).toBe('[digits] got label 12; expected a label from 0 to 9.');
  });

  it('keeps its parts, which printing it leaves out', () => {
    const error = new TesseraError(parts);
    expect(error.parts).toEqual(parts);
    expect(inspect(error)).not.toContain('expected:');
  });

  it('keeps its code and its cause', () => {
    const cause = new Error('below');
    expect(new TesseraError({ ...parts, cause })).toMatchObject({ code: 'label-out-of-range', cause });
  });

  it('shows where it began to whom asks for it', () => {
    const part = new TesseraError({ ...parts, cause: new Error('below') });
    const error = new TesseraError({ ...parts, cause: part });
    expect(causeStack(error, { TESSERA_DEBUG: '1' })).toMatch(/^Error: below\n +at .*tessera-error\.test\.ts/);
    expect([causeStack(error, {}), causeStack(new TesseraError(parts), { TESSERA_DEBUG: '1' })]).toEqual([null, null]);
  });

  it('is recognised from another copy of the package, and nothing else is', () => {
    const copy = Object.assign(new Error('sentence'), { name: 'TesseraError', code: 'some-code' });
    expect([copy, new TesseraError(parts)].every(isTesseraError)).toBe(true);
    expect([new Error('x'), Object.assign(new Error('x'), { code: 'ENOENT' }), null, 'x'].some(isTesseraError)).toBe(
      false,
    );
  });
});
