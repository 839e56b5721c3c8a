import type { JsonSchema, Schema } from '@tessera/schema';
import { unequal } from './compare.ts';
import { wordsOf } from './case.ts';
import type { Trial } from './options.ts';

/** Options of one request, with the value that is tried, as `steps = 4`. */
interface Tried {
  readonly name: string;
  readonly options: unknown;
  readonly called: string;
}

interface OptionsTried {
  readonly schema: Schema<unknown>;
  readonly trial: Trial;
  readonly who: string;
}

/** All results of a part under these options, as one list of numbers. */
type Observe = (tried: Tried) => Promise<ArrayLike<number>>;

/** Tries every option at its bounds and between them: what is wrong, or null where each matters or is rightly neutral. */
export async function idleOption({ schema, trial, who }: OptionsTried, observe: Observe): Promise<string | null> {
  const known = schema.json.properties ?? {};
  const unknown = [...Object.keys(trial.values), ...Object.keys(trial.neutral)].find((name) => !(name in known));
  if (unknown !== undefined) return `values or a reason for ${unknown}, which is no option`;
  for (const [name, json] of Object.entries(known)) {
    const accepted = triedOf(name, json, { schema, trial, who });
    const reason = trial.neutral[name];
    if (reason === '') return `the option ${name} as neutral without a reason`;
    if (accepted.length < 2 && reason === undefined)
      return `the option ${name}, of which ${accepted.length === 0 ? 'nothing' : 'a single value'} could be tried: give some in \`values\`, or a reason in \`neutral\``;
    const wrong = await unmoved(name, { accepted, reason }, observe);
    if (wrong !== null) return wrong;
  }
  return null;
}

interface Attempt {
  readonly accepted: readonly Tried[];
  /** Why nothing is expected to change. */
  readonly reason: string | undefined;
}

async function unmoved(name: string, { accepted, reason }: Attempt, observe: Observe): Promise<string | null> {
  const seen: ArrayLike<number>[] = [];
  for (const tried of accepted) {
    seen.push(
      await observe(tried).catch((error: unknown) => {
        throw new Error(`${wordsOf(error)} with ${tried.called}`, { cause: error });
      }),
    );
  }
  const moves = seen.some((one) => unequal('', seen[0]!, one) !== null);
  if (reason === undefined && !moves)
    return `nothing that changes with ${accepted.map(({ called }) => called).join(', ')}`;
  if (reason !== undefined && moves) return `changes with ${name}, which was declared neutral`;
  return null;
}

/** Those of an option's values that the schema takes together with the other options of the trial. */
function triedOf(name: string, json: JsonSchema, { schema, trial, who }: OptionsTried): readonly Tried[] {
  const given = trial.values[name];
  const accepted: Tried[] = [];
  for (const value of given ?? boundsOf(json)) {
    try {
      const options = schema.parse({ ...trial.options, [name]: value }, who);
      accepted.push({ name, options, called: `${name} = ${JSON.stringify(value)}` });
    } catch (error) {
      // Bounds may depend on other options; what the author names must fit.
      if (given) throw error;
    }
  }
  return accepted;
}

/** What a schema says may be chosen: its bounds, something between them, and the default. */
function boundsOf({ type, enum: choices, default: usual, ...range }: JsonSchema): readonly unknown[] {
  if (choices) return choices;
  if (type === 'boolean') return [false, true];
  if (type !== 'number' && type !== 'integer') return [];
  const middle = typeof usual === 'number' ? usual : 1;
  const { minimum, maximum, exclusiveMinimum } = range;
  const above = maximum === undefined ? Math.max(1, middle) : maximum - (exclusiveMinimum ?? 0);
  const least = minimum ?? (exclusiveMinimum === undefined ? middle - 1 : exclusiveMinimum + above / 1000);
  const most = maximum ?? Math.max(2 * middle, least + 1);
  const values = [least, middle, (least + most) / 2, most];
  return [...new Set(type === 'integer' ? values.map(Math.floor) : values)];
}
