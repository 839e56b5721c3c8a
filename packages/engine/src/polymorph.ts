import { exactKey } from './trace/exact-key.ts';
import type { LoweredConstant, LoweredModel, LoweredNode, Port } from './lowered-model.ts';

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
  /** The position of a reshape that the target works out (-1): it may differ. */
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
export function monomorph(model: LoweredModel): Template {
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
