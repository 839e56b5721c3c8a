import type { SampleRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { BoundBackbone, Canvas, Head, Kept, Order, Pixels, PreviewKind, Tokenizer } from './contracts.ts';
import type { Row, Step } from './tokens.ts';
import { disposeAll, disposedAfter, Holding } from './dispose.ts';
import type { Guidance } from './guidance-part.ts';
import { nextTurn } from './next-turn.ts';
import type { Observer } from './observe.ts';
import type { PartOptions } from './options.ts';
import { checkedNumbers, checkReplay, pickTokens, reopen, type Written } from './written.ts';

/** A generator: four parts that agree (see `compose`). */
export interface Composition {
  readonly tokenizer: Tokenizer;
  readonly order: Order;
  readonly backbone: BoundBackbone;
  readonly head: Head;
}

export interface SampleRequest {
  readonly rows: readonly Row[];
  readonly guidance: Guidance;
  readonly kept: Kept | null;
  /** Request-time options, already parsed by the schemas of their parts (see `readOptions`). */
  readonly options: PartOptions;
  readonly preview: PreviewKind;
  readonly rng: SampleRng;
  readonly signal: AbortSignal;
  /** What the first steps wrote in an earlier run of the same request: they are replayed, and the loop goes on after them. */
  readonly written: readonly Written[];
  /** Observes each step. Costs nothing if left out. */
  readonly observe?: Observer;
}

export type SampleEvent =
  | {
      readonly type: 'step';
      readonly step: Step;
      readonly previews: readonly Pixels[] | null;
      /**
       * The tokens that the head drew: with those of the steps before, enough to continue from here in another process.
       */
      readonly written: Written;
      /** At the first step of an edit: the positions, of all steps, whose tokens are given and stay. */
      readonly given?: readonly number[];
    }
  | { readonly type: 'image'; readonly row: number; readonly pixels: Pixels };

/**
 * The one sampling loop: every composition runs through these lines. Yields an event per step and then one per image.
 * @throws the signal's reason, at most one step after it aborts; TesseraError `part-numbers`, `written-misfit`, `canvas-keeps`; what the parts
 * and the observer throw
 */
export async function* sample(parts: Composition, request: SampleRequest): AsyncGenerator<SampleEvent> {
  const { tokenizer, order, backbone, head } = parts;
  const { rows, guidance, kept, options, preview, rng, signal, written, observe } = request;
  const [opened, held] = [new Holding(), new Holding()];
  try {
    const plan = opened.open(order.open(tokenizer.layout, { rows, kept, rng, options: options.order }));
    const canvas = opened.open(tokenizer.openCanvas(rows, kept, backbone.reads));
    const rollout = opened.open(await backbone.openRollout(rows, guidance));
    for (const step of plan.steps()) {
      await nextTurn(); // a cancel arrives here, even if the runtime blocks the thread
      signal.throwIfAborted();
      checkReplay(written, step);
      if (step.again_Ba) await forgetIn(canvas, step.again_Ba);
      const past = written[step.index];
      const weight = guidance.weight(step, tokenizer.layout);
      const isOwn = guidance.ended?.(step) || (guidance.saves && weight === 1 && !rollout.remembers);
      const guided = guidance.active && !isOwn;
      const mix = guided ? guidance.mix?.(step) : undefined;
      const unseen = past && (!rollout.remembers || written.length === step.of); // its hidden states are not needed
      const context = unseen ? null : held.keep(await canvas.read(step));
      if (context) await observe?.({ type: 'read', step, context, weight, guided, rollout });
      const hidden = context && held.keep(await rollout.forward(context, step, guided));
      if (hidden) await observe?.({ type: 'hidden', step, hidden });
      const sampled = past
        ? reopen(past, step, { rows, space: tokenizer.space })
        : await head.sample(hidden!, { step, rows, weight, ...(mix && { mix }), rng, options: options.head, signal });
      held.keep(sampled.tokens);
      if (!past) await observe?.({ type: 'drawn', step, sampled });
      const drawn = past ?? (await checkedNumbers(sampled, { hidden: hidden!, step, space: tokenizer.space }));
      const chosen = plan.choose?.(step, sampled);
      const tokens = chosen ? held.keep(await pickTokens(sampled.tokens, chosen)) : sampled.tokens;
      const done = chosen?.step ?? step;
      await canvas.write(done, tokens);
      await observe?.({ type: 'written', step: done, tokens, canvas });
      held.dispose();
      yield { type: 'step', step: done, written: drawn, previews: await canvas.preview(past ? 'none' : preview) };
    }
    for (const row of rows.keys()) {
      await nextTurn();
      signal.throwIfAborted();
      const pixels = await canvas.render(row);
      await observe?.({ type: 'rendered', row, pixels });
      yield { type: 'image', row, pixels };
    }
  } catch (error) {
    throw disposedAfter(error, [held, opened]);
  } finally {
    disposeAll([held, opened]);
  }
}

/** @throws TesseraError `canvas-keeps`, and what the canvas throws */
function forgetIn(canvas: Canvas, positions_Ba: Int32Array): Promise<void> {
  if (canvas.forget) return canvas.forget(positions_Ba);
  throw new TesseraError({
    code: 'canvas-keeps',
    who: 'sample',
    got: 'an order that draws tokens again',
    expected: 'a tokenizer whose canvas can forget tokens, as TokenCanvas can',
    next: 'Choose another order or another tokenizer.',
  });
}
