import { schema } from '@tessera/schema';
import { describe, expect, it } from 'vitest';
import { guidanceOf, guidanceWithin, type GuidanceSpec } from './guidance.ts';
import { offeredGuidances } from './offered-guidances.ts';
import { constantPart, linearPart, openGuidance, rampPart } from './open-guidance.ts';
import { optionReader, optionsOf, type OptionParts } from './options.ts';
import type { GuidancePlugin, HeadPlugin, OrderPlugin } from './plugin.ts';
import type { Layout, Step } from './tokens.ts';

const layout: Layout = { length: 16, scales: [{ start: 0, height: 4, width: 4 }] };
const steps = Array.from({ length: 4 }, (_, index): Step => {
  return { index, of: 4, before: 16 - 4 * index, after: 12 - 4 * index, positions_Bl: new Int32Array(4) };
});

/** Pulls in the first half alone, and mixes by the mean of both predictions. */
const early: GuidancePlugin<{ readonly share: number }> = {
  kind: 'guidance',
  contract: 2,
  name: '@acme/early',
  mixes: ['logits'],
  config: schema.object({}),
  options: () => schema.object({ share: schema.optional(schema.number({ min: 0, max: 1 }), 0.5) }),
  open: ({ weight, options: { share } }) => ({
    step: ({ index, of }) =>
      index < share * of
        ? {
            weight,
            mix:
              () =>
              ({ own_lX, none_lX }) =>
                own_lX.map((own, i) => (own + none_lX[i]!) / 2),
          }
        : null,
  }),
};
const given = { options: { share: 0.5 }, layout };
const part = early as GuidancePlugin;

describe('openGuidance', () => {
  it.each<[GuidancePlugin, GuidanceSpec]>([
    [constantPart, { kind: 'constant', scale: 2.9 }],
    [linearPart, { kind: 'linear', scale: 3.7 }],
    [rampPart, { kind: 'ramp', scale: 0.1 }],
  ])('of the model’s own kind gives the weights of that kind to the bit', (plugin, spec) => {
    const open = openGuidance(plugin, spec, given);
    const own = guidanceOf(spec);
    expect(steps.map((step) => open.weight(step, layout))).toEqual(steps.map((step) => own.weight(step, layout)));
    expect(open).toMatchObject({ active: own.active, saves: own.saves });
    // And its own part says the same.
    const { scale, kind } = spec;
    const strength = kind === 'ramp' ? { weight: 1 + scale, over: scale } : { weight: scale, over: scale - 1 };
    const said = plugin.open({ ...strength, options: {}, layout });
    expect(steps.map((step) => said.step(step)!.weight)).toEqual(steps.map((step) => own.weight(step, layout)));
  });

  it('keeps the scale of the model, whatever the guidance', () => {
    const weights = (plugin: GuidancePlugin, spec: GuidanceSpec) => {
      const open = openGuidance(plugin, spec, given);
      return steps.map((step) => open.weight(step, layout));
    };
    expect(weights(constantPart, { kind: 'ramp', scale: 1.5 })).toEqual([2.5, 2.5, 2.5, 2.5]);
    expect(weights(rampPart, { kind: 'constant', scale: 4 })).toEqual([1, 2, 3, 4]);
    expect(weights(part, { kind: 'ramp', scale: 1.5 })).toEqual([2.5, 2.5, 1, 1]);
  });

  it('is none for every part where the request asks for none', () => {
    for (const plugin of [constantPart, part]) {
      expect(openGuidance(plugin, { kind: 'ramp', scale: 0 }, given).active).toBe(false);
      expect(openGuidance(plugin, { kind: 'constant', scale: 1 }, given).active).toBe(false);
    }
    expect(() => openGuidance(part, { kind: 'ramp', scale: 101 }, given)).toThrow('from 0 to 100');
  });

  it('says that it has ended where the part does and the backbone can leave rows out', () => {
    const saying = { ...part, open: () => ({ step: () => null, ended: ({ index }: Step) => index > 1 }) };
    const ended = (plugin: GuidancePlugin, endsGuidance: boolean) => {
      const open = openGuidance(plugin, { kind: 'constant', scale: 3 }, { ...given, endsGuidance });
      return steps.map((step) => open.ended?.(step));
    };
    expect(ended(saying, true)).toEqual([false, false, true, true]);
    expect(ended(part, true)).toEqual([false, false, false, false]);
    expect(ended(saying, false)).toEqual(Array(4).fill(undefined));
    const cut = guidanceWithin(openGuidance(saying, { kind: 'constant', scale: 3 }, { ...given, endsGuidance: true }), {
      from: 0,
      until: 0.25,
    });
    expect(steps.map((step) => cut.ended!(step))).toEqual([false, true, true, true]);
  });

  it('mixes as the part says, and not at all where a step is not guided', () => {
    const open = openGuidance(part, { kind: 'constant', scale: 3 }, given);
    const shape = { kind: 'logits', tokens: 1, width: 2, groups: [2] } as const;
    const predictions = { own_lX: Float64Array.of(1, 2), none_lX: Float64Array.of(3, 6) };
    expect([...Array.from(open.mix!(steps[0]!)(shape)(predictions))]).toEqual([2, 4]);
    expect(open.mix!(steps[3]!)(shape)(predictions)).toBe(predictions.own_lX);
    const silent = { ...part, open: () => ({ step: () => ({ weight: 2 }) }) };
    const wrong = openGuidance(silent, { kind: 'constant', scale: 3 }, given);
    expect(() => wrong.mix!(steps[0]!)).toThrow('[@acme/early] got a guided step without mix');
  });
});

const sets = { name: 'sets', options: () => schema.object({ steps: schema.integer({ min: 1 }) }) };
const head = { name: 'scores', space: 'discrete', mixes: 'logits', options: () => schema.object({}) } as const;
const parts: OptionParts = {
  order: sets as unknown as OrderPlugin,
  head: head as unknown as HeadPlugin,
  layout,
  space: { kind: 'discrete', channels: 1, vocabulary: 4 },
  remembers: true,
  endsGuidance: false,
};
const builtIn = [constantPart, linearPart, rampPart];
const offered = (project: readonly GuidancePlugin[], mixes?: string) => {
  const known = { builtIn, project };
  const { mixes: own, ...rest } = head;
  return offeredGuidances('ramp', known, { ...parts, head: { ...rest, mixes: mixes ?? own } as unknown as HeadPlugin });
};

describe('the guidances of a model', () => {
  it('are its own kind, Tessera’s others, and those of the project whose mixtures the head makes', () => {
    expect(offered([part]).guidances.map(({ name }) => name)).toEqual(['ramp', 'constant', 'linear', '@acme/early']);
    expect(offered([]).guidances).toEqual([]);
    const other = offered([part], 'noise');
    expect(other.guidances).toEqual([]);
    expect(other.remarks).toEqual(['@acme/early is not offered: it mixes logits, and scores predicts noise.']);
    const twice = offered([part, { ...part, name: '@acme/late' }]);
    expect(twice.remarks).toEqual(['@acme/late is not offered: its option share is one of another part too.']);
  });

  it('are named by requests, whose options are read by the one that is named', () => {
    const all = { ...parts, guidances: offered([part]).guidances };
    const { properties } = optionsOf(all);
    expect(properties['guidanceBy']).toMatchObject({ default: 'ramp' });
    expect(properties['share']).toMatchObject({ maximum: 1, onlyWith: { guidanceBy: '@acme/early' } });
    const read = optionReader(all);
    expect(read({ steps: 1 }, 'model').guidance!.plugin.name).toBe('ramp');
    const named = read({ steps: 1, guidanceBy: '@acme/early', share: 0.25 }, 'model').guidance;
    expect(named).toEqual({ plugin: early, options: { share: 0.25 } });
    // The model's own choice of an option does not count with another guidance, and is no error.
    const own = { steps: 1, guidanceBy: '@acme/early', share: 0.25 };
    expect(read({}, 'model', own).guidance!.options).toEqual({ share: 0.25 });
    expect(read({ guidanceBy: 'linear' }, 'model', own).guidance!.plugin.name).toBe('linear');
    expect(() => read({ steps: 1, share: 1 }, 'model')).toThrow(
      '[model] got the option share of @acme/early, with guidanceBy = ramp; expected guidanceBy = @acme/early with it.',
    );
    expect(() => read({ steps: 1, guidanceBy: 'early' }, 'model')).toThrow('guidanceBy');
    expect(() => read({ steps: 1, guidanceBy: '@acme/early', share: 2 }, 'model')).toThrow('share');
  });
});
