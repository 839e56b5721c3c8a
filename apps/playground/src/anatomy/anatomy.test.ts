import { describe, expect, it } from 'vitest';
import type { Model, Step } from '../api/operations.ts';
import { differenceOf } from './difference.ts';
import { framesOf } from './frames.ts';
import { layerOf, layers, mostOf, rampColour, valueOf } from './layers.ts';
import { moved } from './moves.ts';
import {
  finishedSentence,
  mannerOf,
  percent,
  sentenceOf,
  sumOfScales,
  tokenMeaning,
  tokenText,
  unknownText,
  type Manner,
} from './telling.ts';
import { cellsAt, givenOf, mapOf, tokensOf } from './tokens.ts';

const scales = [
  { start: 0, height: 1, width: 1 },
  { start: 1, height: 2, width: 3 },
  { start: 7, height: 4, width: 2 },
];
const [, middle, fine] = scales;

const step = (index: number, positions: readonly (readonly number[])[], details: Step['details'] = null): Step => ({
  index,
  of: 3,
  positions,
  given: null,
  previews: null,
  sprite: null,
  details,
  milliseconds: 1,
});

const known = {
  codes: [[8], [9, 3]],
  logProbabilities: [[-1], [Math.log(0.25), 0]],
  entropies: [[1], [Math.log(8), 0]],
  topCodes: [[[8, 2]], [[4, 9], [3]]],
  topProbabilities: [[[0.6, 0.4]], [[0.5, 0.25], [1]]],
};

describe('tokensOf', () => {
  it('takes the positions and details of one image, or the one list of all images', () => {
    const steps = [step(0, [[0], [1, 5]], known), step(1, [[3, 4]])];
    expect([...tokensOf(steps, 1).keys()]).toEqual([1, 5, 3, 4]);
    const token = tokensOf(steps, 1).get(1)!;
    expect(token).toMatchObject({ step: 0, index: 0, of: 3, code: 9, logProbability: Math.log(0.25) });
    expect(token.top).toEqual([
      { code: 4, probability: 0.5 },
      { code: 9, probability: 0.25 },
    ]);
    expect(tokensOf(steps, 0).get(4)).toMatchObject({ step: 1, code: null, entropy: null, top: [] });
  });

  it('fills a map step by step', () => {
    const tokens = tokensOf([step(0, [[1, 2]]), step(1, [[4]])], 0);
    const filled = (at: number) =>
      cellsAt({ tokens, given: new Set() }, middle!, at).map(({ token, isNew }) => (isNew ? 2 : token ? 1 : 0));
    expect([filled(0), filled(1)]).toEqual([
      [2, 2, 0, 0, 0, 0],
      [1, 1, 0, 2, 0, 0],
    ]);
    expect([[0], [6], [7], []].map((positions) => mapOf(positions, scales))).toEqual([scales[0], middle, fine, fine]);
  });
});

describe('the tokens of an edit', () => {
  const steps = [{ ...step(0, [[0]], { ...known, codes: [[8]] }), given: [0, 2, 3] }, step(1, [[1, 2, 3, 4, 5, 6]])];

  it('are given or drawn, whatever a step wrote over a given one', () => {
    const [given, tokens] = [givenOf(steps), tokensOf(steps, 0)];
    expect([...given]).toEqual([0, 2, 3]);
    expect([...tokens.keys()]).toEqual([1, 4, 5, 6]);
    const cells = cellsAt({ tokens, given }, middle!, 1);
    expect(cells.map(({ isGiven, isNew }) => (isGiven ? 'given' : isNew ? 'new' : 'hole'))).toEqual([
      'new',
      'given',
      'given',
      'new',
      'new',
      'new',
    ]);
  });

  it('are told apart in the sentences', () => {
    const given = givenOf(steps);
    const told = { image: 0, manner: 'scales', given } as const;
    expect(sentenceOf({ ...told, manner: 'rows', step: step(1, [[2]]), map: fine! })).toBe(
      'Step 2 of 3: what it came to is given with the picture, and stays.',
    );
    expect([
      sentenceOf({ ...told, step: steps[0]!, map: scales[0]! }),
      sentenceOf({ ...told, step: steps[1]!, map: middle! }),
      finishedSentence({ milliseconds: 12 }, tokensOf(steps, 0), given),
    ]).toEqual([
      'Scale 1 of 3: the token for the whole picture is given.',
      'Scale 2 of 3: 4 of the 6 tokens of a 2 × 3 grid over the whole picture, predicted from the scales before and added to the picture so far; the others are given.',
      'Finished: 4 tokens in 1 step, 3 given; the model took 12 ms for all images.',
    ]);
  });
});

describe('what the page says', () => {
  const model = { layout: [fine], options: {}, vocabulary: 64, tokens: 8, title: 'Shapes' } as unknown as Model;

  it('knows in which manner a model draws, by the order that the server names', () => {
    const of = (order: string, stride = 'set') => mannerOf({ parts: { ...parts, order }, stride });
    const parts = { tokenizer: 'vq', order: '', backbone: '', head: '' };
    expect([of('@acme/spiral', 'scale'), of('confidence'), of('raster', 'token'), of('random-sets')]).toEqual([
      'scales',
      'surest',
      'rows',
      'chance',
    ]);
    // Of an order that it does not know it claims nothing.
    expect([of('@acme/spiral'), of('toString')]).toEqual(['own', 'own']);
  });

  it('has one plain sentence for each step', () => {
    const of = (at: number, positions: number[], manner: Manner, map = middle!) =>
      sentenceOf({ step: step(at, [positions]), image: 0, map, manner, given: new Set() });
    expect([
      of(0, [0], 'scales', scales[0]),
      of(1, [1, 2, 3, 4, 5, 6], 'scales'),
      of(2, [7, 8], 'scales', fine),
      of(0, [7, 9], 'chance', fine),
      of(1, [8], 'chance', fine),
      of(1, [8, 9], 'surest', fine),
      of(1, [8], 'rows', fine),
      of(1, [8], 'own', fine),
      of(1, [], 'chance', fine),
    ]).toEqual([
      'Scale 1 of 3: 1 token for the whole picture.',
      'Scale 2 of 3: 6 tokens at once, one for each place of a 2 × 3 grid over the whole picture, predicted from the scales before and added to the picture so far.',
      'Scale 3 of 3: 2 tokens at once, one for each place of a 4 × 2 grid over the whole picture, predicted from the scales before and added to the picture so far.',
      'Step 1 of 3: 2 tokens in places chosen at random.',
      'Step 2 of 3: one more token in a place chosen at random.',
      'Step 2 of 3: 2 more tokens of which the model was surest.',
      'Step 2 of 3: one more token, the next in its row.',
      'Step 2 of 3: one more token.',
      'Step 2 of 3: this step belongs to other images; here nothing changes.',
    ]);
  });

  it('says what a token is, and of which scales a picture is the sum', () => {
    const of = (vocabulary: number | null, manner: Manner) => tokenMeaning({ vocabulary }, manner);
    expect([of(64, 'scales'), of(null, 'chance')]).toEqual([
      'A token is the smallest thing that the model draws: one of 64 codes, which says what one place of a grid adds.',
      'A token is the smallest thing that the model draws: a few numbers, which say what one place of the picture shows.',
    ]);
    expect([1, 2, 3].map((step) => sumOfScales(step, 3))).toEqual([
      'scale 1 alone',
      'the sum of scales 1 to 2',
      'the sum of all 3 scales',
    ]);
  });

  it('tells all that is known of a token, and why something is not', () => {
    const token = tokensOf([step(0, [[0], [1, 5]], known)], 1).get(1)!;
    expect(tokenText(token, 'row 1, column 2 of 2 × 3', '')).toBe(
      'Row 1, column 2 of 2 × 3, drawn in step 1 of 3: code 9, with a probability of 25 % (surprise 2.0 bits); the choice was as open as among 8 equally likely codes (entropy 3.0 bits).',
    );
    expect(tokenText(null, 'row 1, column 2 of 2 × 3', 'not drawn yet.')).toBe(
      'Row 1, column 2 of 2 × 3: not drawn yet.',
    );
    expect([0.5, 0.0523, 0.0004].map(percent)).toEqual(['50 %', '5.2 %', 'below 0.1 %']);
    expect(unknownText(step(0, [[0]], known), model, 1)).toBeNull();
    expect(unknownText(step(0, [[0]]), { ...model, vocabulary: null }, 1)).toContain('continuous tokens');
    const factors = { ...known, codes: null };
    expect(unknownText(step(0, [[0]], factors), { ...model, vocabulary: null }, 1)).toBeNull();
    expect(tokenText(tokensOf([step(0, [[0], [1, 5]], factors)], 1).get(1)!, 'row 1', '')).toBe(
      'Row 1, drawn in step 1 of 3, with a probability of 25 % (surprise 2.0 bits); the choice was as open as among 8 equally likely tokens (entropy 3.0 bits).',
    );
    expect(unknownText(step(0, [[0]]), model, 1)).toContain('did not ask');
    expect(unknownText(step(0, [[0]]), model, 300)).toContain(
      'at most 256 images of this model at once: this run has 300',
    );
    expect(unknownText(step(0, [[0]], { ...known, codes: null }), model, 1)).toContain('blends');
  });
});

describe('layers', () => {
  it('are known by their names, and in bits', () => {
    expect([layerOf('entropy'), layerOf('heat'), layerOf(null)]).toEqual(['entropy', 'off', 'off']);
    const tokens = tokensOf([step(0, [[0], [1, 5]], known)], 1);
    expect(layers.map((layer) => valueOf(tokens.get(1)!, layer))).toEqual([null, 0, 2, 3]);
    expect(mostOf(tokens.values(), 'entropy')).toBe(3);
    expect(mostOf(tokensOf([step(0, [[0]])], 0).values(), 'entropy')).toBeNull();
  });

  it('grow lighter with their value', () => {
    const lightness = [0, 0.3, 0.7, 1].map((part) => Number(/oklch\((\S+)/.exec(rampColour(part))![1]));
    expect(new Set(lightness).size).toBe(4);
    expect(lightness).toEqual(lightness.toSorted((a, b) => a - b));
  });
});

describe('differenceOf', () => {
  const pixels = (...reds: number[]) => new Uint8ClampedArray(reds.flatMap((red) => [red, red, red, 255]));
  const reds = (from: number[], to: number[]) =>
    [...differenceOf(pixels(...from), pixels(...to))].filter((_, i) => i % 4 === 0);

  it('is gray where nothing changed, and uses all of the range', () => {
    expect(reds([10, 10, 110], [10, 60, 10])).toEqual([128, 192, 1]);
  });

  it('does not blow up what no person could see', () => {
    expect(reds([10, 10], [10, 11])).toEqual([128, 136]);
  });
});

describe('framesOf', () => {
  it('shows all of few, and of many first, last and the one shown', () => {
    const all = Array.from({ length: 64 }, (_, i) => i);
    expect(framesOf([0, 1, 2], 8, 1)).toEqual([0, 1, 2]);
    for (const shown of all) {
      const frames = framesOf(all, 8, shown);
      expect([frames.length, new Set(frames).size, frames[0], frames.at(-1)]).toEqual([8, 8, 0, 63]);
      expect(frames).toContain(shown);
      expect(frames).toEqual(frames.toSorted((a, b) => a - b));
    }
  });
});

describe('moved', () => {
  it('stays on the map', () => {
    const keys = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'a'];
    expect(keys.map((key) => moved(0, key, middle!))).toEqual([0, 1, 0, 3, 0, 5, null]);
    expect(keys.map((key) => moved(5, key, middle!))).toEqual([4, 5, 2, 5, 0, 5, null]);
    expect(moved(null, 'ArrowRight', middle!)).toBe(1);
  });
});
