import { createHash } from 'node:crypto';
import { colourWord } from './colour-words.ts';
import type { AvatarStyle } from './styles.ts';

/*
 * What can be said of an avatar in a sentence. Attributes have many values that no word tells apart (24 kinds of short hair), so a
 * caption says a word for a group of them.
 */

/** The word that a caption says of a value of an attribute; null where it says nothing. */
type Saying = (value: string) => string | null;

/** The word whose pattern fits first. */
function byName(words: Readonly<Record<string, RegExp>>): Saying {
  return (value) => Object.entries(words).find(([, pattern]) => pattern.test(value))?.[0] ?? null;
}

const there =
  (word: string): Saying =>
  (value) =>
    value === 'none' ? null : word;
const colour: Saying = (value) => (value === 'none' ? null : colourWord(value));

const mouth = byName({ smiling: /^happy/, sad: /^sad/ });
const background = { background: colour };

/** By style, the attributes that captions speak of. */
const sayings: Readonly<Record<AvatarStyle, Readonly<Record<string, Saying>>>> = {
  'pixel-art': {
    ...background,
    mouth,
    hair: byName({ long: /^long/, short: /^short/ }),
    hairColor: colour,
    beard: there('beard'),
    glasses: there('glasses'),
    hat: there('hat'),
    hatColor: colour,
    clothingColor: colour,
  },
  lorelei: {
    ...background,
    mouth,
    beard: there('beard'),
    glasses: there('glasses'),
    hairAccessories: there('flowers'),
    earrings: there('earrings'),
    freckles: there('freckles'),
  },
  'open-peeps': {
    ...background,
    head: byName({
      afro: /afro/i,
      long: /^(?:long|medium)/,
      short: /^(?:short|shaved|flatTop|pomp)/,
      hat: /^hat/,
      hijab: /^hijab/,
      turban: /^turban/,
    }),
    headContrastColor: colour,
    facialHair: byName({ beard: /^(?:chin|full|goatee)/, moustache: /^moustache/ }),
    accessories: byName({ sunglasses: /^sunglasses/, glasses: /^glasses/, eyepatch: /^eyepatch/ }),
    mask: there('mask'),
    clothingColor: colour,
  },
  thumbs: { ...background, shapeColor: colour },
  notionists: {
    ...background,
    hair: byName({ hat: /^hat/ }),
    beard: there('beard'),
    glasses: there('glasses'),
    gesture: byName({ phone: /phone/i, pointing: /^point/, waving: /^wave/ }),
  },
};

/** The word for a value of an attribute of a style, or null where captions say nothing of it. */
export function wordOf(style: AvatarStyle, attribute: string, value: string): string | null {
  return sayings[style][attribute]?.(value) ?? null;
}

type Words = Readonly<Record<string, string | undefined>>;

const HEADWEAR = ['hat', 'hijab', 'turban'];
const HAIR = ['long', 'short', 'afro'];
/** Of these there is one. */
const SINGLE = [...HEADWEAR, 'beard', 'moustache', 'mask', 'eyepatch', 'phone', 'hand'];

/** Phrases, each of one thing: `long brown hair`. All that `words` say is in them, besides mouth and background. */
function phrasesOf(words: Words): string[] {
  const { head, hair, hat, hatColor, headContrastColor, gesture, clothingColor, shapeColor } = words;
  const oneOf = (known: readonly string[]) => [hat, head, hair].find((word) => word && known.includes(word));
  const [headwear, length] = [oneOf(HEADWEAR), oneOf(HAIR)];
  const hue = words['hairColor'] ?? (headwear ? undefined : headContrastColor);
  const phrases = [
    [length, hue, (length ?? hue) && 'hair'],
    [words['beard'] ?? words['facialHair']],
    [words['glasses'] ?? words['accessories']],
    [words['hairAccessories'] && 'flowers in the hair'],
    [words['earrings']],
    [words['freckles']],
    [words['mask']],
    [headwear && (hatColor ?? headContrastColor), headwear],
    [clothingColor, clothingColor && 'clothes'],
    [shapeColor, shapeColor && 'skin'],
    [gesture === 'phone' ? gesture : gesture && `${gesture} hand`],
  ].map((parts) => parts.filter((part) => part).join(' '));
  return phrases
    .filter((phrase) => phrase !== '')
    .map((phrase) => (SINGLE.includes(phrase.split(' ').at(-1)!) ? withArticle(phrase) : phrase));
}

function withArticle(phrase: string): string {
  return `${/^[aeiou]/.test(phrase) ? 'an' : 'a'} ${phrase}`;
}

function listed(phrases: readonly string[]): string {
  if (phrases.length < 2) return phrases.join('');
  return `${phrases.slice(0, -1).join(', ')} and ${phrases.at(-1)!}`;
}

/** `pixel-art` in a caption. */
const names: Readonly<Record<AvatarStyle, string>> = {
  'pixel-art': 'pixel art',
  lorelei: 'lorelei',
  'open-peeps': 'open peeps',
  thumbs: 'thumbs',
  notionists: 'notionists',
};

/**
 * Captions of an avatar: a whole sentence, the same as tags, and two that leave things out. `a smiling pixel art avatar with long
 * brown hair and glasses on a blue background`. The same attributes and seed give the same captions; the first two do not
 * depend on the seed.
 */
export function captionsOf(
  style: AvatarStyle,
  attributes: Readonly<Record<string, string>>,
  seed: string,
): readonly string[] {
  const words = Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => {
      const word = wordOf(style, name, value);
      return word === null ? [] : [[name, word] as const];
    }),
  );
  const whole = { mood: words['mouth'], phrases: phrasesOf(words), background: words['background'] };
  const draw = createHash('sha256').update(seed).digest();
  const some = whole.phrases.filter((_, i) => draw[i]! < 128);
  const one = whole.phrases.slice(draw[20]! % Math.max(1, whole.phrases.length)).slice(0, 1);
  return [
    sentence(style, whole),
    [whole.mood, names[style], ...whole.phrases, whole.background && `${whole.background} background`]
      .filter((part) => part)
      .join(', '),
    sentence(style, {
      mood: draw[21]! < 128 ? whole.mood : undefined,
      phrases: some,
      background: draw[22]! < 128 ? whole.background : undefined,
    }),
    sentence(style, { mood: undefined, phrases: one, background: draw[23]! < 64 ? whole.background : undefined }),
  ];
}

interface Told {
  readonly mood: string | undefined;
  readonly phrases: readonly string[];
  readonly background: string | undefined;
}

function sentence(style: AvatarStyle, { mood, phrases, background: behind }: Told): string {
  const subject = withArticle([mood, names[style], 'avatar'].filter((part) => part).join(' '));
  const features = phrases.length > 0 ? ` with ${listed(phrases)}` : '';
  return `${subject}${features}${behind ? ` on ${withArticle(behind)} background` : ''}`;
}
