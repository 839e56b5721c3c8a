import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import type { GraphTarget, LoweredConstant, LoweredModel, LoweredNode, Port, TargetFunction } from '../target.ts';
import { exactKey, type ValueSpec } from '../trace/graph.ts';
import { trace } from '../trace/trace.ts';
import type { Axes } from './axes.ts';
import { flatten, unflatten, type Skeleton, type Tree } from './tree.ts';

/*
 * One model for many shapes: a function is traced at two sizes, and what differs between the traces becomes an input.
 */

export interface TracedFunction extends TargetFunction {
  readonly target: GraphTarget;
}

/** One function traced and lowered at given shapes. */
export interface TracedProgram {
  readonly model: LoweredModel;
  readonly results: { readonly skeleton: Skeleton; readonly specs: readonly ValueSpec[] };
  readonly captured: readonly { readonly tensor: TensorInfo; readonly dataId: object }[];
}

/** Traces `fn` on arguments of this form and these shapes. */
export function traceProgram(
  { fn, name, target }: TracedFunction,
  form: Skeleton,
  inputs: readonly ValueSpec[],
): TracedProgram {
  let skeleton: Skeleton = null;
  const run = (...tensors: Tensor[]) => {
    const flat = flatten(fn(unflatten(form, tensors) as readonly Tree[]), name);
    skeleton = flat.skeleton;
    return flat.tensors;
  };
  const graph = trace(run, { name, inputs, whole: (fused) => target.whole(fused) });
  const specs = graph.outputs.map(({ shape, dtype }) => ({ shape, dtype }));
  return { model: target.lower(graph), results: { skeleton, specs }, captured: graph.captured };
}

/** The shapes of a call, and its trace. */
interface ConcreteCall {
  readonly form: Skeleton;
  readonly inputs: readonly ValueSpec[];
  readonly traced: TracedProgram;
}

/** Sizes for a pair of traces: all even, above 2 and different from each other; `i` counts the names. */
type SizePair = readonly [(i: number) => number, (i: number) => number];

/** Small sizes stay within tables of positions; large ones survive repeated halving. */
const SIZE_PAIRS: readonly SizePair[] = [
  [(i) => 6 + 4 * i, (i) => 12 + 8 * i],
  [(i) => 64 * (3 + 2 * i), (i) => 64 * (4 + 4 * i)],
];

interface FoundTemplate {
  readonly template: Template;
  /** Why a program with named axes got a template for one shape alone; null where it did not. */
  readonly alone: string | null;
}

/**
 * A template that fits the call. First choice: one for all sizes of the named axes. Second, since programs may change at
 * sizes 0 and 1: one for all sizes but those. Last: one for the shapes of this call alone.
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

/**
 * Two traces at made-up sizes, or the function's error where it fails at them: its real sizes may obey a rule that `axes`
 * cannot express.
 */
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

/** A model for many shapes. */
export interface Template {
  /** The model, with a port for every slot after its own inputs. */
  readonly model: LoweredModel;
  /** Constants whose values depend on shapes: each call feeds those of its own trace. */
  readonly slots: readonly string[];
  /** Everything that must be the same in a trace that uses this template. */
  readonly signature: string;
  readonly fixed: readonly FixedConstant[];
}

interface FixedConstant {
  readonly constant: LoweredConstant;
  /** The position of a reshape that is inferred (-1), and so may differ. */
  readonly free: number | null;
}

/**
 * Makes one model of two traces at different sizes: a reshape that differs in one position infers it, every other
 * constant that differs becomes a slot. Null if the traces differ in more than constants.
 */
export function polymorph(a: LoweredModel, b: LoweredModel): Template | null {
  const signature = signatureOf(a);
  if (signature !== signatureOf(b)) return null;
  const uses = usesOf(a.nodes);
  const fixed: FixedConstant[] = [];
  const slots: Port[] = [];
  for (const [name, constant] of a.constants) {
    const other = b.constants.get(name)!;
    const changes = changesBetween(constant, other);
    const isReshape = constant.kind === 'shape' && uses.get(name)!.every((use) => use === 'Reshape 1');
    if (changes?.length === 0) fixed.push({ constant, free: null });
    else if (isReshape && changes?.length === 1)
      fixed.push({ constant: inferring(constant, changes[0]!), free: changes[0]! });
    else if (constant.dims.length === other.dims.length) slots.push(port(constant, other));
    else return null;
  }
  const inputs = a.inputs.map((input, i) => port(input as Ported, b.inputs[i] as Ported));
  const constants = new Map(fixed.map(({ constant }) => [constant.name, constant]));
  const model = { ...a, constants, inputs: [...inputs, ...slots] };
  return { model, slots: slots.map(({ name }) => name), signature, fixed };
}

/** A template for the shapes of one trace alone. */
function monomorph(model: LoweredModel): Template {
  return polymorph(model, model)!;
}

/** True if a trace at other shapes is the same program, apart from slots. */
export function matches(template: Template, model: LoweredModel): boolean {
  return (
    template.signature === signatureOf(model) &&
    template.model.weights.every((weight, i) => weight.dataId === model.weights[i]!.dataId) &&
    template.fixed.every(({ constant, free }) => {
      const changes = changesBetween(constant, model.constants.get(constant.name)!);
      return changes !== null && changes.every((position) => position === free);
    })
  );
}

/** Nodes with their attributes and wiring, and the types and ranks at the edges. */
function signatureOf(model: LoweredModel): string {
  const edges = [...model.inputs, ...model.weights].map(({ name, dtype, dims }) => [name, dtype, dims!.length]);
  const constants = [...model.constants.values()].map(({ name, dtype, kind }) => [name, dtype, kind]);
  return exactKey([model.nodes, edges, constants, model.outputs]);
}

/** Where two constants differ; null if they differ in size. */
function changesBetween(a: LoweredConstant, b: LoweredConstant): number[] | null {
  if (a.dims.length !== b.dims.length || a.dims.some((dim, i) => dim !== b.dims[i])) return null;
  const changes: number[] = [];
  for (let i = 0; i < a.data.length; i++) {
    if (!Object.is(a.data[i], b.data[i])) changes.push(i);
  }
  return changes;
}

function inferring(constant: LoweredConstant, position: number): LoweredConstant {
  const data = constant.data.slice();
  if (data instanceof BigInt64Array) data[position] = -1n;
  else data[position] = -1;
  return { ...constant, data };
}

type Ported = Port & { readonly dims: readonly number[] };

/** Sizes that differ get a symbol. */
function port(a: Pick<Ported, 'name' | 'dtype' | 'dims'>, b: Pick<Ported, 'dims'>): Port {
  const dims = a.dims.map((dim, i) => (dim === b.dims[i] ? dim : `${a.name}_${i}`));
  return { name: a.name, dtype: a.dtype, dims };
}

/** By constant: `OP POSITION` of each use. */
function usesOf(nodes: readonly LoweredNode[]): ReadonlyMap<string, readonly string[]> {
  const uses = new Map<string, string[]>();
  for (const node of nodes) {
    node.inputs.forEach((name, position) => {
      const list = uses.get(name) ?? [];
      uses.set(name, [...list, `${node.op} ${position}`]);
    });
  }
  return uses;
}
