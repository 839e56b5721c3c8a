import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { tensorFrom, type Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Schema } from '@tessera/schema';
import type { Backbone, BoundBackbone, Reads, Rollout, TrainContext, TrainHidden, TrainTokens } from './contracts.ts';
import type { Guidance } from './guidance-part.ts';
import { disposeAll, disposedAfter, Holding, tensorsOf } from './dispose.ts';
import type { Condition, Encoded } from './tokens.ts';

/*
 * How a condition reaches a backbone (contract 2). A condition part reads what a request says of an image (a class, a
 * text, an image), turns it into numbers, and embeds these in one or more forms. A backbone says which forms it takes, and
 * knows nothing else of them. `bindCondition` makes of both the backbone that the loop and the trainer see.
 */

/** One vector an image; a sequence of vectors an image, to attend to; or one vector a token. */
export type ConditionForm = 'vector' | 'sequence' | 'map';

/** Conditions of R images, embedded: the forms that the part describes, and no others. */
export type Embedded = {
  /** [R, width]. */
  readonly vector_RD?: Tensor2D;
  /** [R, S, width], with 1 where an entry counts and 0 where it only fills up: [R, S]. */
  readonly sequence?: { readonly values_RSD: Tensor3D; readonly counts_RS: Tensor2D };
  /** [R, L, width], by position. */
  readonly map_RLD?: Tensor3D;
};

/**
 * Reads conditions and embeds them. Classes of a model of width D:
 *
 *     encode([3, null])                    ->  { label_R: [3, -1] }
 *     embed({ label_R }, null, context)    ->  { vector_RD: [2, D] }
 */
export interface ConditionPart<V = unknown> {
  /** The tensors of `encode` in their order, with their axes as `Engine.compile` takes them: `{ label_R: 'R' }`. */
  readonly axes: Readonly<Record<string, string>>;
  /** Numbers of conditions as the plug-in's `input` read them; null is no condition. */
  encode(values: readonly (V | null)[]): Encoded;
  /** Embeds. Where `dropped_R` (bool) is true, as if there were no condition: training needs both. Pure and traceable. */
  embed(encoded: Encoded, dropped_R: Tensor1D | null, context: TrainContext): Embedded;
  dispose(): void;
}

/** What a generation of a conditioned backbone begins with. All tensors are borrowed until its rollout is disposed. */
export interface Conditioning {
  /** Number of images. */
  readonly batch: number;
  /** B rows: the images' own conditions. */
  readonly own: Embedded;
  /** 2B rows: those, then B without condition; null where guidance is not active. */
  readonly guided: Embedded | null;
}

/** A training batch whose conditions are embedded. */
export interface EmbeddedBatch extends TrainTokens {
  readonly embedded: Embedded;
}

/** A backbone that takes conditions in the forms that it describes (contract 2). Otherwise as `Backbone`. */
export interface ConditionedBackbone {
  readonly width: number;
  readonly reads: Reads;
  openRollout(conditioning: Conditioning, guidance: Guidance): Promise<Rollout>;
  teach(batch: EmbeddedBatch, context: TrainContext): TrainHidden;
  dispose(): void;
}

/** A built condition part, and how the conditions of its model are read. */
export interface BuiltCondition {
  readonly space: ConditionSpace;
  readonly part: ConditionPart;
}

/** The backbone of contract 2 that the loop and the trainer see: it takes rows and encoded conditions. */
export function bindCondition(
  backbone: ConditionedBackbone,
  { space, part }: BuiltCondition,
  engine: Engine,
): BoundBackbone {
  const names = Object.keys(part.axes);
  const program = engine.compile(
    (encoded: Encoded): Embedded => inOrder(part.embed(encoded, null, sampling(space.name))),
    {
      name: `condition.${space.name}`,
      axes: Object.values(part.axes),
    },
  );
  const embed = async (values: readonly unknown[]): Promise<Embedded> => {
    const encoded = part.encode(values);
    const named = Object.fromEntries(names.map((name) => [name, encoded[name]!]));
    return program(named).finally(() => tensorsOf(encoded).forEach((tensor) => tensor.dispose()));
  };
  return {
    width: backbone.width,
    reads: backbone.reads,
    encode: (conditions) => part.encode(conditions.map((condition) => valueOf(condition, space))),
    openRollout: async (rows, guidance) => {
      const values = rows.map(({ condition }) => valueOf(condition, space));
      const held = new Holding();
      try {
        const own = held.keep(await embed(values));
        const guided = guidance.active ? held.keep(await embed([...values, ...values.map(() => null)])) : null;
        const rollout = await backbone.openRollout({ batch: rows.length, own, guided }, guidance);
        return {
          remembers: rollout.remembers,
          forward: (context, step, isGuided) => rollout.forward(context, step, isGuided),
          dispose: () => disposeAll([rollout, held]),
        };
      } catch (error) {
        throw disposedAfter(error, [held]);
      }
    },
    teach: ({ condition: { encoded, dropped_B }, ...batch }, context) =>
      backbone.teach({ ...batch, embedded: part.embed(encoded, dropped_B, context) }, context),
    dispose: () => disposeAll([backbone, part, program]),
  };
}

/** The forms in one order, whatever the part's: the axes of a backbone's programs follow it. */
function inOrder({ vector_RD, sequence, map_RLD }: Embedded): Embedded {
  return {
    ...(vector_RD && { vector_RD }),
    ...(sequence && { sequence: { values_RSD: sequence.values_RSD, counts_RS: sequence.counts_RS } }),
    ...(map_RLD && { map_RLD }),
  };
}

/** The same of a backbone of contract 1, which embeds classes by itself. */
export function bindLabels(backbone: Backbone, space: ConditionSpace): BoundBackbone {
  const labelsOf = (conditions: readonly Condition[]) =>
    conditions.map((condition) => valueOf(condition, space) as number | null);
  return {
    width: backbone.width,
    reads: backbone.reads,
    encode: (conditions) => encodeLabels(labelsOf(conditions)),
    openRollout: async (rows, guidance) => {
      labelsOf(rows.map(({ condition }) => condition)); // refuses those that it does not know
      return backbone.openRollout(rows, guidance);
    },
    teach: ({ condition: { encoded, dropped_B }, ...batch }, context) =>
      backbone.teach({ ...batch, condition: { kind: 'class', label_B: withoutDropped(encoded, dropped_B) } }, context),
    dispose: () => backbone.dispose(),
  };
}

/** Classes as numbers: -1 where there is none. */
export function encodeLabels(labels: readonly (number | null)[]): Encoded {
  const label_R = Int32Array.from(labels, (label) => label ?? -1);
  return { label_R: tensorFrom(label_R, [labels.length], 'int32') };
}

/** Labels [R] of classes, -1 where there is none or where it is dropped. Traceable. */
export function withoutDropped(encoded: Encoded, dropped_R: Tensor1D | null): Tensor1D {
  const label_R = encoded['label_R'] as Tensor1D;
  return dropped_R === null ? label_R : tf.where(dropped_R, tf.neg(tf.onesLike(label_R)), label_R);
}

/** The conditions that a model knows. */
export interface ConditionSpace {
  /** Of the condition part; `class` where the backbone has none. */
  readonly name: string;
  /** How many classes it has, where conditions are classes; else null. */
  readonly classes: number | null;
  /** Reads the label of a class, or the `input` of another condition. */
  readonly input: Schema<unknown>;
}

/** What the part encodes of a condition; null for none. @throws TesseraError `condition-kind`, `label-out-of-range`, `field-...` */
export function valueOf(condition: Condition, { name, classes, input }: ConditionSpace): unknown {
  if (condition.kind === 'none') return null;
  if (classes !== null && condition.kind === 'class') return checkedLabel(condition.label, classes, name);
  if (classes === null && condition.kind === 'input') return input.parse(condition.input, name);
  throw new TesseraError({
    code: 'condition-kind',
    who: name,
    got: `a condition of kind ${condition.kind}`,
    expected: classes === null ? 'kind input: this model has no classes' : 'kind class: this model has classes alone',
    next: 'Say what the image is to show in the way of this model.',
  });
}

function checkedLabel(label: unknown, classes: number, who: string): number {
  if (Number.isInteger(label) && (label as number) >= 0 && (label as number) < classes) return label as number;
  throw new TesseraError({
    code: 'label-out-of-range',
    who,
    got: `label ${(typeof label === 'string' ? JSON.stringify(label) : String(label)).slice(0, 60)}`,
    expected: `a label from 0 to ${classes - 1}, or -1 for no class`,
    next: 'Choose a label of this model.',
  });
}

/** While a condition is sampled nothing is drawn: the same condition is always embedded as the same numbers. */
function sampling(who: string): TrainContext {
  const refuse = (): never => {
    throw new TesseraError({
      code: 'part-random',
      who,
      got: 'a condition that draws random numbers while an image is sampled',
      expected: 'the same embedding of the same condition',
      next: `Look at context.train in embed() of ${who}.`,
    });
  };
  return { train: false, rng: { normal: refuse, uniform: refuse } };
}
