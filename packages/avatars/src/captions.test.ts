import { describe, expect, it } from 'vitest';
import { attributeValues } from './attributes.ts';
import { captionsOf, wordOf } from './captions.ts';
import { avatarStyles } from './styles.ts';

const face = {
  background: '#b6e3f4',
  hair: 'long07',
  hairColor: '#603a14',
  glasses: 'dark02',
  hat: 'none',
  hatColor: 'none',
  mouth: 'happy03',
  clothingColor: '#d11141',
};

describe('captions', () => {
  it('say in words what can be seen', () => {
    const [whole, tags] = captionsOf('pixel-art', face, 'a');
    expect(whole).toBe('a smiling pixel art avatar with long brown hair, glasses and red clothes on a blue background');
    expect(tags).toBe('smiling, pixel art, long brown hair, glasses, red clothes, blue background');
    const peep = { background: '#ffdfbf', head: 'hatBeanie', headContrastColor: '#c93305', facialHair: 'moustache2' };
    expect(captionsOf('open-peeps', peep, 'a')[0]).toBe(
      'an open peeps avatar with a moustache and a red hat on a peach background',
    );
    expect(captionsOf('notionists', { background: '#c0aede' }, 'a')[0]).toBe(
      'a notionists avatar on a purple background',
    );
  });

  it('leave things out by their seed alone, and add none', () => {
    const seeds = Array.from({ length: 40 }, (_, n) => `seed ${n}`);
    const all = seeds.map((seed) => captionsOf('pixel-art', face, seed));
    expect(captionsOf('pixel-art', face, seeds[0]!)).toEqual(all[0]);
    expect(new Set(all.map(([whole]) => whole)).size).toBe(1);
    expect(new Set(all.map(([, , some]) => some)).size).toBeGreaterThan(8);
    const known = new Set(all[0]![0]!.match(/\w+/g));
    for (const word of all.flat().join(' ').match(/\w+/g)!) expect([...known]).toContain(word);
  });

  it.each(avatarStyles)('of %s say every word that an attribute has', (style) => {
    for (const [name, values] of Object.entries(attributeValues(style))) {
      for (const value of values) {
        const word = wordOf(style, name, value);
        if (word === null || name === 'hatColor') continue; // said with a hat alone
        const said = captionsOf(style, { [name]: value }, 'a')[0]!;
        expect(said.split(/[ ,]+/), `${name} ${value}`).toContain(word);
      }
    }
  });
});
