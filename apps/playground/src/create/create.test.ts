import { describe, expect, it } from 'vitest';
import type { Step } from '../api/operations.ts';
import { sending, type GenerationState } from '../runs/generation-state.ts';
import { explain, plainWords, problemsOf, saidOf } from '../runs/explain.ts';
import { isMeasured, readView, writeView } from './place-address.ts';

const steps = [0, 1, 2].map((index): Step => ({
  index,
  of: 3,
  positions: [[index]],
  given: null,
  previews: null,
  sprite: null,
  details: null,
  milliseconds: 1,
}));
const done: GenerationState = { ...sending('shapes'), status: 'completed', labels: [1, 1], steps, images: ['a', 'b'] };
const read = (search: string) => readView(new URLSearchParams(search), done, ['order', 'surprise']);

describe('the address of a result', () => {
  it('comes back as it was, without what goes without saying', () => {
    for (const text of ['', '?image=1', '?step=2', '?image=1&step=0&layer=order'])
      expect(writeView(read(text).view, done)).toBe(text);
    expect(read('?step=2').view.place).toBe(2);
  });

  it('tells what is out of range, and what is shown instead', () => {
    expect(read('image=2&step=x&layer=heat')).toEqual({
      view: { image: 0, place: 'newest', layer: null },
      notes: [
        '“image=2”: expected a whole number from 0 to 1. Shown instead: the first image.',
        '“step=x”: expected a whole number from 0 to 2. Shown instead: the newest step.',
        '“layer=heat”: expected one of order, surprise. It was left out.',
      ],
    });
  });

  it('is read once images and steps are known', () => {
    const queued: GenerationState = { ...done, status: 'queued', steps: [], images: [] };
    expect([sending(null), queued, { ...queued, steps: [steps[0]!] }, done].map(isMeasured)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});

describe('what is said of a failure', () => {
  const failed = (errorCode: string | null, error: string, errorField: string[] | null = null): GenerationState => ({
    ...sending('shapes'),
    status: 'failed',
    ...{ error, errorCode, errorField },
  });

  it('offers the same again only where that can help', () => {
    expect(explain(failed('interrupted', '[api] got an end'))).toMatchObject({
      canRepeat: true,
      detail: '[api] got an end',
    });
    const gone = failed('unknown-generation', '[api] got the generation id x; expected another');
    expect(explain(gone)).toMatchObject({ canRepeat: false, detail: null });
    // None of the form is to blame.
    expect(problemsOf({ ...gone, errorField: ['id'] })).toEqual({});
    expect(saidOf({ name: '', message: gone.error!, code: gone.errorCode! })).toBe(explain(gone).said);
    const refused = failed('field-invalid', '[diffusion-head] got respacing "banana".', [
      'input',
      'options',
      'respacing',
    ]);
    expect(explain(refused)).toEqual({
      said: 'Got respacing "banana".',
      detail: null,
      canRepeat: false,
    });
    expect(problemsOf(refused)).toEqual({ respacing: 'Got respacing "banana".' });
    expect([problemsOf(null), problemsOf(done)]).toEqual([{}, {}]);
  });

  it('leaves out the part that speaks', () => {
    expect(plainWords('[api] no room [here]')).toBe('No room [here]');
  });
});
