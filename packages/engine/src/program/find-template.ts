import type { LoweredModel } from '../lowered-model.ts';
import { matches, monomorph, polymorph, type Template } from '../polymorph.ts';
import type { ValueSpec } from '../trace/recorder.ts';
import type { Axes } from './axes.ts';
import { traceProgram, type TracedFunction, type TracedProgram } from './trace-program.ts';
import type { Skeleton } from './tree.ts';

/** A call's shapes, and its trace. */
export interface ConcreteCall {
  readonly form: Skeleton;
  readonly inputs: readonly ValueSpec[];
  readonly traced: TracedProgram;
}

/** Sizes for a pair of traces: all even, above 2 and unlike each other; `i` counts the names. */
type SizePair = readonly [(i: number) => number, (i: number) => number];

/** Small sizes stay within tables of positions; large ones survive repeated halving. */
const SIZE_PAIRS: readonly SizePair[] = [
  [(i) => 6 + 4 * i, (i) => 12 + 8 * i],
  [(i) => 64 * (3 + 2 * i), (i) => 64 * (4 + 4 * i)],
];

export interface FoundTemplate {
  readonly template: Template;
  /** Why it is for one shape alone, where the program has named axes; else null. */
  readonly alone: string | null;
}

/**
 * A template that the call fits: for all sizes of the named axes; else, as programs may change at sizes 0 and 1, for
 * all sizes but those; else for this call's shapes alone.
 */
export function findTemplate(fn: TracedFunction, axes: Axes | null, call: ConcreteCall): FoundTemplate {
  const own = call.traced.model;
  if (!axes || axes.names.length === 0) return { template: monomorph(own), alone: null };
  const sizes = axes.bind(call.inputs.map(({ shape }) => shape));
  const small = new Map([...sizes].filter(([, size]) => size <= 1));
  let alone = 'its graph changes with its sizes';
  for (const pinned of small.size > 0 ? [new Map<string, number>(), small] : [small]) {
    for (const pair of SIZE_PAIRS) {
      const traces = traceTwice({ fn, axes, call }, pair, pinned);
      if (typeof traces === 'string') alone = traces;
      else {
        const template = polymorph(...traces);
        if (template && matches(template, own)) return { template, alone: null };
      }
    }
  }
  return { template: monomorph(own), alone };
}

interface Subject {
  readonly fn: TracedFunction;
  readonly axes: Axes;
  readonly call: ConcreteCall;
}

/** What the function says where it does not work at these sizes: its real ones may obey a rule that `axes` cannot say. */
function traceTwice(
  { fn, axes, call }: Subject,
  pair: SizePair,
  pinned: ReadonlyMap<string, number>,
): [LoweredModel, LoweredModel] | string {
  const shapes = call.inputs.map(({ shape }) => shape);
  const models: LoweredModel[] = [];
  for (const sizeOf of pair) {
    const sizes = new Map(axes.names.map((name, i) => [name, pinned.get(name) ?? sizeOf(i)]));
    const resized = axes.resize(shapes, sizes);
    const inputs = call.inputs.map(({ dtype }, i) => ({ dtype, shape: resized[i]! }));
    try {
      models.push(traceProgram(fn, call.form, inputs).model);
    } catch (error) {
      const at = [...sizes].map(([name, size]) => `${name} = ${size}`).join(', ');
      return `at ${at}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return models as [LoweredModel, LoweredModel];
}
