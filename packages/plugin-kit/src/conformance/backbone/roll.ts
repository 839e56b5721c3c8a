import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { classOf, type Context, type Guidance, type Layout, noGuidance, scaleAt, type Step } from '@tessera/core';
import { take } from '../bench.ts';
import {
  emptyStates,
  estimatesOf,
  KNOWN,
  knownOf,
  labelsOf,
  orderOf,
  place,
  tokensOf,
  type Images,
  type OpenedBackbone,
} from './opened-backbone.ts';

/** Guidance that computes the null class and mixes nothing of it in. */
export const idle: Guidance = { kind: 'classifier-free', active: true, saves: false, weight: () => 1 };

export interface Rolled extends Images {
  readonly guidance?: Guidance;
  /** The first step that is not guided any more. */
  readonly endsAt?: number;
  /** Of bidirectional backbones: one step, all tokens that follow the first `KNOWN`. */
  readonly rest?: boolean;
  /** Of bidirectional backbones: known tokens are not marked as such. */
  readonly unmarked?: boolean;
}

/** Hidden states of a whole generation, [R, L, D] at their positions; guided, the null class' rows follow, while it lasts. */
export async function roll(opened: OpenedBackbone, rolled: Rolled): Promise<Float32Array> {
  const { seeds, guidance = noGuidance, endsAt = Infinity } = rolled;
  const labels = labelsOf(opened, rolled);
  const rollout = await opened.backbone.openRollout(
    seeds.map((seed, row) => ({ seed, condition: classOf(labels[row]!) })),
    guidance,
  );
  const values = emptyStates(opened, (guidance.active ? 2 : 1) * seeds.length);
  try {
    for (const { start, step } of stepsOf(opened, rolled)) {
      const context = contextOf(opened, rolled, { start, step });
      const guided = guidance.active && step.index < endsAt;
      const { values_RlD } = await rollout.forward(context, step, guided);
      for (const held of Object.values(context))
        if (held !== null && typeof held === 'object') (held as Tensor).dispose();
      const once = step.positions_Bl;
      const positions = guided ? Int32Array.from([...once, ...once]) : once;
      const rows = guided || !guidance.active ? values : values.subarray(0, values.length / 2);
      place(opened, { values: rows, data: await take(values_RlD), positions });
    }
    return values;
  } finally {
    rollout.dispose();
  }
}

interface Place {
  /** Tokens before this step. */
  readonly start: number;
  readonly step: Step;
}

function stepsOf(opened: OpenedBackbone, rolled: Rolled): Place[] {
  const { facts, layout } = opened;
  const L = layout.length;
  const bidirectional = rolled.rest ? [KNOWN] : [0, KNOWN];
  const orders = rolled.seeds.map((seed) => orderOf(opened, seed, rolled));
  const halves = layout.scales.flatMap((scale) => {
    const [{ start }, middle] = [scale, scale.start + knownOf(scale)];
    return middle === start || rolled.rest ? [middle] : [start, middle];
  });
  const starts = {
    scale: halves,
    estimate: layout.scales.map(({ start }) => start),
    known: bidirectional.filter((start) => start < L),
    last: Array.from({ length: L }, (_, at) => at),
  }[facts.reads];
  return starts.map((start, index) => {
    const end = Math.min(starts[index + 1] ?? L, facts.reads === 'scale' ? endOf(layout, start) : L);
    const positions_Bl = Int32Array.from(
      orders.flatMap((order) => order.slice(start, end).sort((first, second) => first - second)),
    );
    return { start, step: { index, of: starts.length, before: L - start, after: L - end, positions_Bl } };
  });
}

/** The end of the scale in which a position lies. */
function endOf({ scales, length }: Layout, position: number): number {
  return scales.find(({ start }) => start > position)?.start ?? length;
}

/** What a canvas would give: the first `start` tokens of each order are written. */
function contextOf(opened: OpenedBackbone, rolled: Rolled, { start, step }: Place): Context {
  const { facts, layout, channels: C } = opened;
  const [B, L, l] = [rolled.seeds.length, layout.length, step.positions_Bl.length / rolled.seeds.length];
  const tokens = tokensOf(opened, rolled);
  const cut = (from: Float32Array, at: (row: number) => number, count: number): Tensor3D => {
    const parts = rolled.seeds.map((_, row) => [
      ...from.subarray((row * L + at(row)) * C, (row * L + at(row) + count) * C),
    ]);
    return tensorFrom(Float32Array.from(parts.flat()), [B, count, C]) as Tensor3D;
  };
  if (facts.reads === 'estimate')
    return { reads: 'estimate', values_BlC: start === 0 ? null : cut(estimatesOf(opened, rolled), () => start, l) };
  const orders = rolled.seeds.map((seed) => orderOf(opened, seed, rolled));
  if (facts.reads === 'last')
    return { reads: 'last', values_BlC: start === 0 ? null : cut(tokens, (row) => orders[row]![start - 1]!, 1) };
  if (facts.reads === 'scale') {
    const scale = layout.scales[scaleAt(layout, start)]!;
    const n = scale.height * scale.width;
    const marks = new Float32Array(B * L);
    for (const [row, order] of orders.entries())
      for (const at of order.slice(scale.start, start)) marks[row * L + at] = 1;
    const own = tokens.map((value, i) => value * marks[Math.floor(i / C)]!);
    const shown = orders.flatMap((_, row) => [...marks.subarray(row * L + scale.start, row * L + scale.start + n)]);
    const seen = Float32Array.from(shown, (mark) => (rolled.unmarked ? 0 : mark));
    return {
      reads: 'scale',
      estimate_BnC: scale.start === 0 ? null : cut(estimatesOf(opened, rolled), () => scale.start, n),
      values_BnC: cut(own, () => scale.start, n),
      known_Bn: tensorFrom(seen, [B, n]) as Tensor2D,
    };
  }
  const known = new Float32Array(B * L);
  for (const [row, order] of orders.entries()) for (const at of order.slice(0, start)) known[row * L + at] = 1;
  const values = tokens.map((value, i) => value * known[Math.floor(i / C)]!);
  return {
    reads: 'known',
    values_BLC: tensorFrom(values, [B, L, C]) as Tensor3D,
    known_BL: tensorFrom(rolled.unmarked ? known.fill(0) : known, [B, L]) as Tensor2D,
  };
}
