import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SampleRng } from '@tessera/engine';
import type { Backbone, Guidance, Head, Kept, Order, Pixels, PreviewKind, Rollout, Tokenizer } from './contracts.ts';
import type { Row } from './row.ts';
import type { Step } from './step.ts';

/** A generator: five parts that agree (see `compose`). */
export interface Composition {
  readonly tokenizer: Tokenizer;
  readonly order: Order;
  readonly backbone: Backbone;
  readonly head: Head;
}

export interface SampleRequest {
  readonly rows: readonly Row[];
  readonly guidance: Guidance;
  readonly kept: Kept | null;
  /** The head's request-time options, already parsed by its schema. */
  readonly options: unknown;
  readonly preview: PreviewKind;
  readonly rng: SampleRng;
  readonly signal: AbortSignal;
}

export type SampleEvent =
  | { readonly type: 'step'; readonly step: Step; readonly previews: readonly Pixels[] | null }
  | { readonly type: 'image'; readonly row: number; readonly pixels: Pixels };

/**
 * The one sampling loop: every composition runs through these lines. Yields an event per step and then one per image.
 * @throws the signal's reason, at most one step after it aborts.
 */
export async function* sample(parts: Composition, request: SampleRequest): AsyncGenerator<SampleEvent> {
  const { tokenizer, order, backbone, head } = parts;
  const { rows, guidance, kept, options, preview, rng, signal } = request;
  const held: object[] = [];
  const hold = <T extends object>(holder: T): T => {
    held.push(holder);
    return holder;
  };
  const plan = order.open(tokenizer.layout, { rows, kept, rng });
  const canvas = tokenizer.openCanvas(rows, kept);
  let rollout: Rollout | null = null;
  try {
    rollout = await backbone.openRollout(rows, guidance);
    for (const step of plan.steps()) {
      await nextTurn(); // a cancel arrives here, whatever the runtime blocks
      signal.throwIfAborted();
      const weight = guidance.weight(step, tokenizer.layout);
      const context = hold(await canvas.read(step, backbone.reads));
      const hidden = hold(await rollout.forward(context, step));
      const sampled = await head.sample(hidden, { step, rows, weight, rng, options, signal });
      hold(sampled.tokens);
      const chosen = (await plan.choose?.(step, sampled)) ?? step;
      await canvas.write(chosen, sampled.tokens);
      disposeTensors(held);
      yield { type: 'step', step: chosen, previews: await canvas.preview(preview) };
    }
    for (const row of rows.keys()) {
      await nextTurn();
      signal.throwIfAborted();
      yield { type: 'image', row, pixels: await canvas.render(row) };
    }
  } finally {
    disposeTensors(held);
    rollout?.dispose();
    canvas.dispose();
    plan.dispose();
  }
}

/** Disposes every tensor that these objects hold directly, and forgets the objects. */
function disposeTensors(holders: object[]): void {
  for (const holder of holders.splice(0)) {
    for (const value of Object.values(holder)) {
      if (value !== null && typeof value === 'object' && 'dispose' in value) (value as { dispose(): void }).dispose();
    }
  }
}
