import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D } from '@tensorflow/tfjs';
import { tensorsOf, type ConditionFacts, type ConditionPart, type ConditionPlugin, type Encoded } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import { TesseraError } from '@tessera/errors';
import { plainRng, shake, withBench, type Bench } from '../bench.ts';
import { caseOf, wordsOf, type Case, type Check, type Property } from '../case.ts';
import { apart, distance } from '../compare.ts';
import { stale, unused, type Weighed } from '../other-weights.ts';
import { triedAround, type TriedInput } from './tried-inputs.ts';
import { oneMap, type PartTrial, type Trial } from '../options.ts';

/** Width of the vectors that a condition is asked for. */
const WIDTH = 8;

/** Checks of a condition: with its classes, or with the `inputs` that its author gives. */
export function conditionCases(plugin: ConditionPlugin, trial: Trial): readonly Case[] {
  const checks: Partial<Record<Property, (opened: OpenedCondition) => ReturnType<Check>>> = {
    shapes: async (opened) => {
      await embedded(opened, { values: opened.values });
      return null;
    },
    determinism: repeats,
    batch: aloneAsTogether,
    context: tellsApart,
    guidance: dropsToNone,
    inputs: mistakesInput,
    leaks: leavesNothing,
    dispose: async ({ part, bench }) => {
      part.dispose();
      part.dispose();
      const gone = bench.params.find(({ variable }) => variable.isDisposed);
      return gone ? `the weight ${gone.name} disposed by the condition` : bench.left();
    },
  };
  return trial.targets.flatMap((target) => [
    ...Object.entries(checks).map(([property, check]) =>
      caseOf({ plugin, property: property as Property, on: target, limit: trial.limit }, () =>
        withCondition({ plugin, trial, target }, check),
      ),
    ),
    // How weights are used is the same on every target.
    ...(target === trial.targets[0]
      ? [
          caseOf({ plugin, property: 'weights', on: target, limit: trial.limit }, () =>
            misweighed({ plugin, trial, target }),
          ),
        ]
      : []),
  ]);
}

/** A built condition with perturbed weights, and values that it reads. */
interface OpenedCondition {
  readonly part: ConditionPart;
  readonly bench: Bench;
  readonly values: readonly unknown[];
  /** The same, with fields changed, as far as `input` takes them. */
  readonly tried: () => readonly (TriedInput & { readonly value: unknown })[];
  /** What is wrong with its `fit`; null for nothing. */
  readonly wrongFit: () => string | null;
  /** Embeds on the target: all tensors of all forms, in one list. */
  readonly run: (encoded: Encoded) => Promise<readonly Tensor[]>;
  readonly dropping: (encoded: Encoded, dropped_R: Tensor1D) => Promise<readonly Tensor[]>;
}

async function withCondition(
  { plugin, trial, target }: PartTrial<ConditionPlugin>,
  check: (opened: OpenedCondition) => ReturnType<Check>,
): ReturnType<Check> {
  return withBench({ target, seed: trial.seed }, async (bench) => {
    const guarded = guardPlugin(plugin);
    const config = guarded.config.parse(trial.config, plugin.name);
    const values = valuesFor(guarded, config, trial);
    if (typeof values === 'string') return values;
    bench.begin();
    const part = guarded.build(config, { width: WIDTH, layout: trial.layout ?? oneMap }, bench);
    shake(bench, trial.seed);
    const train = { rng: plainRng(trial.seed), train: false };
    const axes = Object.values(part.axes);
    const run = bench.engine.compile((encoded: Encoded) => tensorsOf(part.embed(encoded, null, train)), {
      name: 'conformance.embed',
      axes,
    });
    const dropping = bench.engine.compile(
      (encoded: Encoded, dropped_R: Tensor1D) => tensorsOf(part.embed(encoded, dropped_R, train)),
      { name: 'conformance.dropped' },
    );
    try {
      return await check({
        ...{ part, bench, values, run, dropping },
        tried: () => triedBy(guarded, config, trial),
        wrongFit: () => wrongFitOf(guarded, trial),
      });
    } finally {
      run.dispose();
      dropping.dispose();
      part.dispose();
    }
  });
}

/** Values to try, or what is missing. */
function valuesFor(plugin: ConditionPlugin, config: unknown, { inputs }: Trial): readonly unknown[] | string {
  const { classes }: ConditionFacts = plugin.describe(config);
  if (classes !== null) return Array.from({ length: Math.min(3, classes) }, (_, label) => label);
  if (inputs.length < 2) return 'no inputs to try: give cases(plugin, { inputs: [...] }) at least two that differ';
  const schema = plugin.input(config);
  return inputs.map((one) => schema.parse(one, plugin.name));
}

/** Inputs like those of the author that `input` takes too; of classes, the last one. */
function triedBy(plugin: ConditionPlugin, config: unknown, { inputs }: Trial) {
  const schema = plugin.input(config);
  const { classes } = plugin.describe(config);
  const tried: readonly TriedInput[] =
    classes === null
      ? inputs.flatMap((input) => triedAround(schema.json, input))
      : [{ called: `label ${classes - 1}`, input: classes - 1, group: null }];
  return tried.flatMap((one) => {
    try {
      return [{ ...one, value: schema.parse(one.input, plugin.name) }];
    } catch (error) {
      if (error instanceof TesseraError) return [];
      throw new Error(`${wordsOf(error)} of input() with ${one.called}: refuse it by the schema`, { cause: error });
    }
  });
}

/** A configuration that `fit` completes goes into `model.json`, and must read all that it was made of. */
function wrongFitOf(plugin: ConditionPlugin, { config, inputs }: Trial): string | null {
  if (!plugin.fit) return null;
  const [one, again] = [0, 1].map(() => JSON.stringify(plugin.fit!(config, inputs)));
  if (one !== again) return 'another configuration of fit() for the same inputs';
  const schema = plugin.input(plugin.config.parse(JSON.parse(one!), `fit() of ${plugin.name}`));
  for (const input of inputs) schema.parse(input, `fit() of ${plugin.name}`);
  return wrongCompletion(plugin, config, inputs);
}

/** What a recipe leaves out and `fit` completes must be a configuration, which reads the inputs that it was made of. */
function wrongCompletion(plugin: ConditionPlugin, config: unknown, inputs: readonly unknown[]): string | null {
  for (const name of Object.keys(config as object)) {
    const left = Object.fromEntries(Object.entries(config as object).filter(([other]) => other !== name));
    const made = ((): unknown => {
      try {
        return plugin.fit!(left, inputs);
      } catch {
        return left; // a recipe must say it
      }
    })() as Readonly<Record<string, unknown>>;
    if (!(name in made)) continue;
    const who = `fit() of ${plugin.name}, which made ${name}`;
    try {
      const schema = plugin.input(plugin.config.parse(JSON.parse(JSON.stringify(made)), who));
      for (const input of inputs) schema.parse(input, who);
    } catch (error) {
      return `${wordsOf(error)} where a recipe leaves ${name} to fit(): make it as config() and input() read it`;
    }
  }
  return null;
}

interface Asked {
  /** null is no condition. */
  readonly values: readonly unknown[];
  /** Embedded as if there were no condition. */
  readonly dropped?: readonly boolean[];
}

/** Numbers of all forms, a list for each row. */
async function embedded({ part, run, dropping }: OpenedCondition, { values, dropped }: Asked): Promise<string[]> {
  const before = JSON.stringify(values);
  const encoded = part.encode(values);
  if (JSON.stringify(values) !== before)
    throw new Error('values changed by encode(): copy them before you change them');
  const inOrder = Object.fromEntries(Object.keys(part.axes).map((name) => [name, encoded[name]!]));
  const dropped_R = dropped && (tensorFrom(Uint8Array.from(dropped, Number), [values.length], 'bool') as Tensor1D);
  const tensors = await (dropped_R ? dropping(inOrder, dropped_R) : run(inOrder));
  try {
    const data = await Promise.all(tensors.map(async (tensor) => Array.from(await tensor.data())));
    return values.map((_, row) =>
      JSON.stringify(
        data.map((all) => all.slice((row * all.length) / values.length, ((row + 1) * all.length) / values.length)),
      ),
    );
  } finally {
    tf.dispose([...tensors, ...Object.values(encoded), ...(dropped_R ? [dropped_R] : [])]);
  }
}

/** Embedded numbers that differ by no more are the same but for rounding. */
const SAME = 1e-4;

/** An input that is taken must be embedded as finite numbers, its own and no other image's, or be refused with words of the part's own. */
async function mistakesInput(opened: OpenedCondition): Promise<string | null> {
  const [plain] = opened.values;
  const [own] = await embedded(opened, { values: [plain] });
  const seen = new Map<string, { readonly called: string; readonly row: string }[]>();
  for (const { called, group, value } of opened.tried()) {
    try {
      const [row, beside] = await embedded(opened, { values: [value, plain] });
      if (!numbersOf(row!).every(Number.isFinite))
        return `numbers that are not finite with ${called}: refuse it in input()`;
      if (!sameNumbers(own!, beside!)) return `other numbers for an image beside one with ${called}`;
      const others = group === null ? [] : (seen.get(group) ?? []);
      const same = others.find((one) => one.called !== called && distance(numbersOf(one.row), numbersOf(row!)) <= SAME);
      if (same) return `the same numbers with ${same.called} and with ${called}`;
      if (group !== null) seen.set(group, [...others, { called, row: row! }]);
    } catch (error) {
      if (error instanceof TesseraError && !error.code.startsWith('part-')) continue;
      return `${wordsOf(error)} with ${called}: refuse it in input()`;
    }
  }
  return null;
}

/** What is wrong with how it uses its weights, or null. */
async function misweighed(spec: PartTrial<ConditionPlugin>): Promise<string | null> {
  const weighed: Weighed<OpenedCondition> = {
    trial: spec.trial,
    open: (use) => withCondition(spec, use),
    bench: ({ bench }) => bench,
    numbers: async (opened) => {
      const rows = await embedded(opened, { values: [...opened.values, null] });
      return Float32Array.from(rows.flatMap(numbersOf));
    },
  };
  return (await stale(weighed)) ?? unused(weighed);
}

async function repeats(opened: OpenedCondition): Promise<string | null> {
  const wrongFit = opened.wrongFit();
  if (wrongFit !== null) return wrongFit;
  const { values } = opened;
  const [first, second] = [await embedded(opened, { values }), await embedded(opened, { values })];
  return String(first) === String(second) ? null : 'other numbers for the same conditions';
}

async function aloneAsTogether(opened: OpenedCondition): Promise<string | null> {
  const values = [...opened.values, null];
  const together = await embedded(opened, { values });
  for (const [row, value] of values.entries()) {
    const [alone] = await embedded(opened, { values: [value] });
    if (!sameNumbers(alone!, together[row]!)) return `other numbers for condition ${row} alone than in a batch`;
  }
  return null;
}

/** The lists differ where a sequence is filled up: its entries that do not count are 0 in `counts_RS`. */
function sameNumbers(alone: string, together: string): boolean {
  const [first, second] = [alone, together].map((text) => JSON.parse(text) as number[][]) as [number[][], number[][]];
  return first.every((list, form) => list.every((value, i) => value === second[form]![i]));
}

async function tellsApart(opened: OpenedCondition): Promise<string | null> {
  const rows = await embedded(opened, { values: [...opened.values, null] });
  return new Set(rows).size === rows.length ? null : 'the same numbers for conditions that differ';
}

async function dropsToNone(opened: OpenedCondition): Promise<string | null> {
  const { values } = opened;
  const own = await embedded(opened, { values });
  const kept = await embedded(opened, { values, dropped: values.map(() => false) });
  const [none] = await embedded(opened, { values: [null] });
  const dropped = await embedded(opened, { values, dropped: values.map(() => true) });
  for (const row of values.keys()) {
    const changed = apart('numbers where nothing is dropped', numbersOf(own[row]!), numbersOf(kept[row]!));
    if (changed !== null) return changed;
    const left = apart('numbers of a dropped condition and of none', numbersOf(none!), numbersOf(dropped[row]!));
    if (left !== null) return left;
  }
  return null;
}

function numbersOf(row: string): number[] {
  return (JSON.parse(row) as number[][]).flat();
}

async function leavesNothing(opened: OpenedCondition): Promise<string | null> {
  await embedded(opened, { values: opened.values });
  const before = tf.memory().numTensors;
  await embedded(opened, { values: opened.values });
  const left = tf.memory().numTensors - before;
  return left === 0 ? null : `${left} tensors left behind`;
}
