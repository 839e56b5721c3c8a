import { wrongValue } from '@tessera/command-line';
import type { JsonSchema } from '@tessera/schema';
import { readSettings } from '../common-options.ts';
import type { Settings } from '../evaluation/settings.ts';

/** One combination of settings. */
export interface GridPoint {
  readonly settings: Settings;
  /** What differs from point to point, in the order in which it was given: `guidance`, `topP`. */
  readonly named: Readonly<Record<string, string>>;
}

/**
 * All combinations of the values of `--set NAME=VALUE,VALUE,...`; the last name varies first. The name `guidance` is the
 * strength of guidance, others are options of the model.
 * @throws TesseraError `option`
 */
export function readGrid(settings: readonly string[], schema: JsonSchema, who: string): readonly GridPoint[] {
  const axes = settings.map((setting) => {
    const [, name, values] = /^([^=]+)=(.*)$/s.exec(setting) ?? [];
    const words = values?.split(',') ?? [];
    const isWhole =
      words.length > 0 && words.every((word) => word.trim() !== '') && new Set(words).size === words.length;
    if (name === undefined || !isWhole) throw wrongValue(setting, { who, option: '--set' }, 'NAME=VALUE,VALUE,...');
    return { name, words };
  });
  const names = axes.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw wrongValue(`${twice} twice`, { who, option: '--set' }, 'each name once');
  let points: readonly Readonly<Record<string, string>>[] = [{}];
  for (const { name, words } of axes) {
    points = points.flatMap((point) => words.map((word) => ({ ...point, [name]: word })));
  }
  return points.map((named) => ({ named, settings: settingsOf(named, schema, who) }));
}

function settingsOf(
  { guidance, ...others }: Readonly<Record<string, string>>,
  schema: JsonSchema,
  who: string,
): Settings {
  const set = Object.entries(others).map(([name, word]) => `${name}=${word}`);
  const options = readSettings(set, schema, who);
  if (guidance === undefined) return { options };
  const scale = Number(guidance);
  if (!Number.isFinite(scale)) throw wrongValue(`guidance=${guidance}`, { who, option: '--set' }, 'numbers');
  return { guidance: scale, options };
}
