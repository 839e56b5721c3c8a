import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import type { Shapes } from '@tessera/models';
import type { Verdict } from '../comparison.ts';

/** Every name and shape of published checkpoints. */
export type Inventory = Readonly<Record<string, ModelInventory>>;

interface ModelInventory {
  readonly n_params: number;
  readonly entries: Readonly<Record<string, readonly [dtype: string, shape: readonly number[]]>>;
}

/** One kind of state dict: how it is known, and what a model built for it asks for. */
export interface StateKind {
  /** A tensor that no other kind has. */
  readonly mark: string;
  readonly asked: (shapes: Shapes, engine: Engine) => Shapes;
  /** Buffers, which our models leave out and which do not count as parameters. */
  readonly isBuffer: (name: string) => boolean;
}

/** Whether every model of a file is of one of these kinds. */
export function isInventory(content: object, kinds: readonly StateKind[]): content is object & Inventory {
  const models: unknown[] = Object.values(content);
  return models.length > 0 && models.every((model) => kinds.some(({ mark }) => hasEntry(model, mark)));
}

function hasEntry(model: unknown, name: string): boolean {
  const entries = (model as Partial<ModelInventory> | null)?.entries as unknown;
  return typeof entries === 'object' && entries !== null && name in entries;
}

/** Official models map onto ours without a name or shape left over on either side. */
export function checkInventory(content: Inventory, kinds: readonly StateKind[]): Verdict[] {
  const engine = createEngine({ target: 'eager' });
  try {
    return Object.entries(content).map(([name, model]) => {
      const shapes = new Map(Object.entries(model.entries).map(([key, [, shape]]) => [key, shape]));
      const { asked, isBuffer } = kinds.find(({ mark }) => shapes.has(mark))!;
      const problems = differences(asked(shapes, engine), shapes, isBuffer);
      const counted = parametersOf(shapes, isBuffer);
      if (counted !== model.n_params) problems.push(`${counted} parameters instead of ${model.n_params}`);
      const failure = `${name}: ${problems.slice(0, 4).join('; ')}`;
      return problems.length === 0 ? { name, share: 0 } : { name, share: Infinity, failure };
    });
  } finally {
    engine.dispose();
  }
}

/** What one side has and the other has not. */
function differences(asked: Shapes, found: Shapes, isBuffer: StateKind['isBuffer']): string[] {
  const problems: string[] = [];
  for (const [name, shape] of asked) {
    const there = found.get(name);
    if (there === undefined) problems.push(`no ${name}`);
    else if (there.join() !== shape.join())
      problems.push(`${name} [${there.join(', ')}], asked for [${shape.join(', ')}]`);
  }
  for (const name of found.keys()) if (!asked.has(name) && !isBuffer(name)) problems.push(`${name} left over`);
  return problems;
}

function parametersOf(shapes: Shapes, isBuffer: StateKind['isBuffer']): number {
  return [...shapes]
    .filter(([name]) => !isBuffer(name))
    .reduce((sum, [, shape]) => sum + shape.reduce((product, side) => product * side, 1), 0);
}
