import { codesIn } from './book.ts';
import { logarithms, sharesOf, show, tiltOf, varietyOf } from './likeness.ts';
import { KINDS } from './toy.ts';
import { drawKinds, type TrainedHead } from './trained-head.ts';

/*
 * Options whose names say what they do: temperature, topK, topP.
 */

/** From one temperature to twice as much, tokens vary more by this factor at least. */
const WARMER = 1.05;
/** From 1 to 2, values vary more by this factor at most: noise is twice as much. */
const HOTTEST = 2.4;
/** What codes may show of the temperature that they were drawn at, as a share. */
const SHOWN = [0.6, 1.6] as const;

/** How an option called temperature does not act as one, or null. */
export async function unheated(trained: TrainedHead): Promise<string | null> {
  const { plugin, trial, space } = trained;
  const schema = plugin.options(space);
  const { default: usual, minimum = 0, maximum = Infinity } = schema.json.properties!['temperature']!;
  const middle = typeof usual === 'number' && usual > 0 ? usual : 1;
  const temperatures = [middle / 2, middle, 2 * middle].filter((one) => one >= minimum && one <= maximum);
  for (const guided of [false, true]) {
    let before: number | null = null;
    for (const temperature of guided ? [temperatures[0]!, temperatures.at(-1)!] : temperatures) {
      const options = schema.parse({ ...trial.options, temperature }, plugin.name);
      const drawn = await drawKinds(trained, { options, guided, weight: guided ? 1.5 : 1 });
      const spread = varietyOf(trained, drawn);
      const place = guided ? ', with guidance' : '';
      if (before !== null && !(spread > WARMER * before))
        return `tokens that vary by ${show(spread)} at the temperature ${temperature} and ${show(before)} at a lower one${place}`;
      if (!guided && before !== null && !drawn.index && spread > HOTTEST * before)
        return `tokens that vary by ${show(spread)} at the temperature ${temperature} and ${show(before)} at half of it: a factor on noise makes that twice as much`;
      before = spread;
    }
  }
  return null;
}

/** Codes drawn at twice the temperature otherwise than by p^(1/2), or null. */
export async function misheated(trained: TrainedHead): Promise<string | null> {
  const { plugin, trial, space, toy } = trained;
  const schema = plugin.options(space);
  const { maximum = Infinity } = schema.json.properties!['temperature']!;
  if (!toy.chance_KV || maximum < 2) return null;
  const options = schema.parse({ ...trial.options, temperature: 2 }, plugin.name);
  const { index } = await drawKinds(trained, { options });
  if (!index) return null;
  const family = { base: toy.chance_KV.map(Math.sign), lean: logarithms(toy.chance_KV) };
  const shown = 1 / (2 * tiltOf(family, sharesOf(index, codesIn(space))));
  return shown >= SHOWN[0] && shown <= SHOWN[1]
    ? null
    : `codes drawn as at the temperature ${show(2 * shown)} at the temperature 2: it divides logits, once`;
}

/** Values at which options of these names leave each token its likeliest code. */
const GREEDY = { topK: 1, topP: 0.01 } as const;

/** Codes that are not the likeliest where an option of such a name leaves that one alone, or null. */
export async function loose(trained: TrainedHead): Promise<string | null> {
  const { plugin, trial, space } = trained;
  const schema = plugin.options(space);
  for (const [name, value] of Object.entries(GREEDY)) {
    const { minimum = 0 } = schema.json.properties?.[name] ?? { minimum: Infinity };
    if (minimum > value) continue;
    const options = schema.parse({ ...trial.options, [name]: value }, plugin.name);
    const { index } = await drawKinds(trained, { options });
    const drawn = index ? sharesOf(index, codesIn(space)).filter((share) => share > 0).length : KINDS;
    if (drawn !== KINDS)
      return `${drawn} different codes for ${KINDS} hidden states with ${name} = ${value}, which leaves each the likeliest code alone`;
  }
  return null;
}
