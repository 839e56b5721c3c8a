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

/**
 * A template that the call fits: for all sizes of the named axes; else, as programs may change at sizes 0 and 1, for
 * all sizes but those; else for this call's shapes alone.
 */
export function findTemplate(fn: TracedFunction, axes: Axes | null, call: ConcreteCall): Template {
  if (axes && axes.names.length > 0) {
    const sizes = axes.bind(call.inputs.map(({ shape }) => shape));
    const small = new Map([...sizes].filter(([, size]) => size <= 1));
    for (const pinned of small.size > 0 ? [new Map<string, number>(), small] : [small]) {
      for (const pair of SIZE_PAIRS) {
        const template = traceTwice({ fn, axes, call }, pair, pinned);
        if (template && matches(template, call.traced.model)) return template;
      }
    }
  }
  return monomorph(call.traced.model);
}

interface Subject {
  readonly fn: TracedFunction;
  readonly axes: Axes;
  readonly call: ConcreteCall;
}

/** Null where the function does not work at these sizes: its real ones may obey a rule that `axes` cannot say. */
function traceTwice({ fn, axes, call }: Subject, pair: SizePair, pinned: ReadonlyMap<string, number>): Template | null {
  try {
    const [a, b] = pair.map((sizeOf) => {
      const sizes = new Map(axes.names.map((name, i) => [name, pinned.get(name) ?? sizeOf(i)]));
      const shapes = axes.resize(
        call.inputs.map(({ shape }) => shape),
        sizes,
      );
      const inputs = call.inputs.map(({ dtype }, i) => ({ dtype, shape: shapes[i]! }));
      return traceProgram(fn, call.form, inputs).model;
    });
    return polymorph(a!, b!);
  } catch {
    return null;
  }
}
