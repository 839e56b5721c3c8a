import { nextScaleOrder, type Parts } from '@tessera/core';
import { nextScaleTransformer } from '@tessera/backbones';
import { createEngine, type Engine } from '@tessera/engine';
import { categoricalHead } from '@tessera/head-categorical';
import {
  configOfVarState,
  configOfVqState,
  isDerived,
  patchNumsOf,
  recordedShapes,
  type Shapes,
} from '@tessera/models';
import { USAGE_BUFFER, vqTokenizer } from '@tessera/tokenizer-vq';
import type { Verdict } from '../comparison.ts';

/** Every name and shape of a published checkpoint. */
type Inventory = Readonly<Record<string, ModelInventory>>;

interface ModelInventory {
  readonly n_params: number;
  readonly entries: Readonly<Record<string, readonly [dtype: string, shape: readonly number[]]>>;
}

/** Marks of a transformer's and of a tokenizer's state dict. */
const TRANSFORMER = 'pos_1LC';
const TOKENIZER = 'quantize.embedding.weight';

export function isInventory(content: object): content is object & Inventory {
  const models = Object.values(content) as readonly (Partial<ModelInventory> | null)[];
  return models.length > 0 && models.every((model) => hasEntry(model, TRANSFORMER) || hasEntry(model, TOKENIZER));
}

function hasEntry(model: Partial<ModelInventory> | null, name: string): boolean {
  const entries: unknown = model?.entries;
  return typeof entries === 'object' && entries !== null && name in entries;
}

/** Official models map onto ours without a name or shape left over on either side. */
export function checkInventory(content: Inventory): Verdict[] {
  const engine = createEngine({ target: 'eager' });
  try {
    return Object.entries(content).map(([name, model]) => {
      const shapes = new Map(Object.entries(model.entries).map(([key, [, shape]]) => [key, shape]));
      const problems = shapes.has(TRANSFORMER)
        ? transformerProblems(shapes, engine)
        : tokenizerProblems(shapes, engine);
      const counted = parametersOf(shapes);
      if (counted !== model.n_params) problems.push(`${counted} parameters instead of ${model.n_params}`);
      const failure = `${name}: ${problems.slice(0, 4).join('; ')}`;
      return problems.length === 0 ? { name, share: 0 } : { name, share: Infinity, failure };
    });
  } finally {
    engine.dispose();
  }
}

function transformerProblems(shapes: Shapes, engine: Engine): string[] {
  const { backbone, patchNums } = configOfVarState(shapes, { who: 'parity' });
  const vocabulary = shapes.get('head.weight')?.[0] ?? 0;
  const channels = shapes.get('word_embed.weight')?.[1] ?? 0;
  const tokenizer = vqTokenizer.config.parse(
    { V: vocabulary, Cvae: channels, ch: 32, patch_nums: patchNums },
    'parity',
  );
  const asked = recordedShapes(partsOf(tokenizer, backbone), engine);
  return differences(new Map([...asked.backbone, ...asked.head]), shapes, isDerived);
}

function tokenizerProblems(shapes: Shapes, engine: Engine): string[] {
  const config = configOfVqState(shapes, { who: 'parity', patchNums: patchNumsOf[256] });
  const backbone = nextScaleTransformer.config.parse({ classes: 1, depth: 1, width: 64, heads: 1 }, 'parity');
  const asked = recordedShapes(partsOf(config, backbone), engine);
  return differences(asked.tokenizer, shapes, (name) => name === USAGE_BUFFER);
}

function partsOf(tokenizer: unknown, backbone: unknown): Parts {
  return {
    tokenizer: { plugin: vqTokenizer, config: tokenizer },
    order: { plugin: nextScaleOrder, config: {} },
    backbone: { plugin: nextScaleTransformer, config: backbone },
    head: { plugin: categoricalHead, config: {} },
  } as Parts;
}

/** What one side has and the other has not. `spare` names the buffers that our models leave out. */
function differences(asked: Shapes, found: Shapes, spare: (name: string) => boolean): string[] {
  const problems: string[] = [];
  for (const [name, shape] of asked) {
    const there = found.get(name);
    if (there === undefined) problems.push(`no ${name}`);
    else if (there.join() !== shape.join())
      problems.push(`${name} [${there.join(', ')}], asked for [${shape.join(', ')}]`);
  }
  for (const name of found.keys()) if (!asked.has(name) && !spare(name)) problems.push(`${name} left over`);
  return problems;
}

/** Trained numbers: buffers do not count. */
function parametersOf(shapes: Shapes): number {
  return [...shapes]
    .filter(([name]) => !isDerived(name) && name !== USAGE_BUFFER)
    .reduce((sum, [, shape]) => sum + shape.reduce((product, side) => product * side, 1), 0);
}
