import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { classCondition, nextScaleTransformer } from '@tessera/backbones';
import {
  defineBackbone,
  disposeAll,
  disposedAfter,
  nn,
  schema,
  type BackboneDims,
  type ConditionPlugin,
  type Conditioning,
  type Embedded,
  type EmbeddedBatch,
  type Layout,
  type Rollout,
  type TrainContext,
  type TrainHidden,
  type Weights,
} from '@tessera/plugin-kit';

const NAME = '@tessera-examples/backbone-collaborative';

const { object, integer, optional, refine, nested, described } = schema;

/**
 * Collaborative decoding (CoDe, arXiv 2411.17787, section 3): a large transformer drafts the coarse scales, which hold few
 * tokens and decide what the image shows; a small one refines the fine scales, which hold most of them. Both are the
 * transformer of VAR. In names of tensors R are rows (with guidance each image has two), l the places of a step, D the width
 * of the drafter, E that of the refiner.
 */
export const collaborativeBackbone = defineBackbone({
  contract: 2,
  name: NAME,
  config: refine(
    object({
      classes: described(optional(integer({ min: 1 }), undefined), 'Left out: the model names a condition.'),
      at: described(integer({ min: 1 }), 'The first scale that the small transformer draws, counted from 0.'),
      draft: described(nested(nextScaleTransformer.config), 'The large transformer: depth, width, heads.'),
      refine: described(nested(nextScaleTransformer.config), 'The small one.'),
    }),
    ({ draft, refine }) => {
      const isBare = [draft, refine].every(({ classes, attends }) => classes === undefined && !attends);
      return isBare ? null : 'classes beside draft and refine, not in them, and no sequence to attend to';
    },
  ),
  describe: ({ classes, draft, refine }) => {
    const width = draft.width + refine.width;
    const initial = Math.sqrt(1 / (3 * draft.width));
    const own =
      classes === undefined ? null : { plugin: classCondition as ConditionPlugin, config: { classes, initial } };
    // One vector holds what either of them is told.
    return {
      width: draft.width,
      reads: 'estimate',
      remembers: true,
      endsGuidance: true,
      condition: { forms: ['vector'], width, own },
    };
  },
  build: (config, dims, { engine, weights }) => {
    const { at } = config;
    const coarse = coarseOf(dims, at);
    const sizes = [config.draft.width, config.refine.width] as const;
    const draft = nextScaleTransformer.build(config.draft, coarse, { engine, weights: below(weights, 'draft') });
    const refine = nextScaleTransformer.build(config.refine, dims, { engine, weights: below(weights, 'refine') });
    const [D, E] = sizes;
    const init = { kind: 'normal', std: 1 / Math.sqrt(E) } as const;
    const weight_DE = weights.param('out.weight', [D, E], { init, decay: true });
    const bias_D = weights.param('out.bias', [D], { init: { kind: 'zeros' }, decay: false });
    const widened = (values_RlE: Tensor3D): Tensor3D => nn.linear(values_RlE, weight_DE, bias_D);
    const widen = engine.compile(widened, { name: 'collaborative.widen', axes: ['R l .'] });
    const split = engine.compile((embedded: Embedded) => partsOf(embedded, sizes), {
      name: 'collaborative.split',
      axes: ['R .'],
    });
    return {
      width: D,
      reads: 'estimate',
      openRollout: async (conditioning, guidance) => {
        const [own, guided] = [
          await split(conditioning.own),
          conditioning.guided && (await split(conditioning.guided)),
        ];
        const held: { dispose(): void }[] = [own, guided].flatMap((parts) => (parts ? Object.values(parts) : []));
        const of = (part: keyof Parts): Conditioning => ({
          batch: conditioning.batch,
          own: { vector_RD: own[part] },
          guided: guided && { vector_RD: guided[part] },
        });
        try {
          const large = await draft.openRollout(of('draft_RD'), guidance);
          held.unshift(large);
          const small = await refine.openRollout(of('refine_RE'), guidance);
          held.unshift(small);
          return collaborate({ large, small, at, widen, dispose: () => disposeAll(held) });
        } catch (error) {
          throw disposedAfter(error, held);
        }
      },
      teach: (batch, context) => teach({ draft, refine, widened, sizes, coarse: coarse.layout }, batch, context),
      dispose: () => disposeAll([draft, refine, widen, split]),
    };
  },
});

type Built = ReturnType<typeof nextScaleTransformer.build>;
type Parts = { readonly draft_RD: Tensor2D; readonly refine_RE: Tensor2D };

/** The tokens of the drafter: it knows nothing of finer scales. */
function coarseOf({ layout, space }: BackboneDims, at: number): BackboneDims {
  const first = layout.scales[at];
  if (!first)
    throw new Error(
      `${NAME} got at ${at}; expected 1 to ${layout.scales.length - 1}. The tokenizer has ${layout.scales.length} scales.`,
    );
  return { layout: { scales: layout.scales.slice(0, at), length: first.start }, space };
}

/** Parameters of one of the two, under its name. */
function below(weights: Weights, name: string): Weights {
  return {
    has: (one) => weights.has(`${name}.${one}`),
    param: (one, shape, spec) => weights.param(`${name}.${one}`, shape, spec),
  };
}

function partsOf({ vector_RD }: Embedded, sizes: readonly [number, number]): Parts {
  const [draft_RD, refine_RE] = tf.split(vector_RD!, [...sizes], 1) as [Tensor2D, Tensor2D];
  return { draft_RD, refine_RE };
}

interface Pair {
  readonly large: Rollout;
  readonly small: Rollout;
  readonly at: number;
  widen(values_RlE: Tensor3D): Promise<Tensor3D>;
  dispose(): void;
}

/** The small one reads the coarse scales too, for its cache: they are few tokens. */
function collaborate({ large, small, at, widen, dispose }: Pair): Rollout {
  return {
    remembers: true,
    forward: async (context, step, guided) => {
      const { values_RlD: values_RlE, ...rest } = await small.forward(context, step, guided);
      try {
        if (step.index < at) return await large.forward(context, step, guided);
        return { ...rest, values_RlD: await widen(values_RlE) };
      } finally {
        values_RlE.dispose();
      }
    },
    dispose,
  };
}

interface Teachers {
  readonly draft: Built;
  readonly refine: Built;
  readonly widened: (values_RlE: Tensor3D) => Tensor3D;
  readonly sizes: readonly [number, number];
  /** Of the coarse scales. */
  readonly coarse: Layout;
}

/** Each is taught the scales that it draws; the drafter never sees the others. A batch may end before them. */
function teach(
  { draft, refine, widened, sizes, coarse }: Teachers,
  batch: EmbeddedBatch,
  context: TrainContext,
): TrainHidden {
  const { draft_RD, refine_RE } = partsOf(batch.embedded, sizes);
  const first = coarse.scales[0]!.height * coarse.scales[0]!.width;
  const length = first + (batch.estimates_BLC?.shape[1] ?? 0);
  const upTo = (end: number) => (part_BLC: Tensor3D) => tf.slice(part_BLC, [0, 0, 0], [-1, end, -1]);
  const { estimates_BLC, ...tokens } = batch;
  const drafted = draft.teach(
    {
      ...tokens,
      ...(estimates_BLC && { estimates_BLC: upTo(Math.min(length, coarse.length) - first)(estimates_BLC) }),
      embedded: { vector_RD: draft_RD },
    },
    context,
  );
  if (length <= coarse.length) return drafted;
  const refined = refine.teach({ ...batch, embedded: { vector_RD: refine_RE } }, context);
  const fine_BlE = tf.slice(refined.values_BlD, [0, coarse.length, 0], [-1, -1, -1]);
  return { values_BlD: tf.concat([drafted.values_BlD, widened(fine_BlE)], 1), positions_Bl: null };
}
