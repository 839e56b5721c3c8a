import type { SampleRng } from '@tessera/engine';
import type { Backbone, Guidance, Head, Kept, Order, Pixels, PreviewKind, Tokenizer } from './contracts.ts';
import type { Row, Step } from './tokens.ts';
import { disposeAll, disposedAfter, type Held } from './dispose-all.ts';
import { nextTurn } from './next-turn.ts';
import { tensorsOf } from './tensors-of.ts';
import type { PartOptions } from './options.ts';
import { pickTokens } from './pick-tokens.ts';
import { checkNumbers, checkReplay, reopen, writtenOf, type Written } from './written.ts';

/** A generator: four parts that agree (see `compose`). */
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
  /** Request-time options, already parsed by the schemas of their parts (see `readOptions`). */
  readonly options: PartOptions;
  readonly preview: PreviewKind;
  readonly rng: SampleRng;
  readonly signal: AbortSignal;
  /** What the first steps wrote in an earlier run of the same request: they are replayed, and the loop goes on after them. */
  readonly written: readonly Written[];
}

export type SampleEvent =
  | {
      readonly type: 'step';
      readonly step: Step;
      readonly previews: readonly Pixels[] | null;
      /** What the head gave: with those of the steps before, enough to go on from here elsewhere. */
      readonly written: Written;
    }
  | { readonly type: 'image'; readonly row: number; readonly pixels: Pixels };

/**
 * The one sampling loop: every composition runs through these lines. Yields an event per step and then one per image.
 * @throws the signal's reason, at most one step after it aborts; TesseraError `part-numbers`, `written-misfit`
 */
export async function* sample(parts: Composition, request: SampleRequest): AsyncGenerator<SampleEvent> {
  const { tokenizer, order, backbone, head } = parts;
  const { rows, guidance, kept, options, preview, rng, signal, written } = request;
  const held: Held[] = [];
  const hold = <T extends object>(holder: T): T => {
    held.push(...tensorsOf(holder));
    return holder;
  };
  const opened: Held[] = [];
  const open = <T extends Held>(holder: T): T => {
    opened.unshift(holder);
    return holder;
  };
  try {
    const plan = open(order.open(tokenizer.layout, { rows, kept, rng, options: options.order }));
    const canvas = open(tokenizer.openCanvas(rows, kept, backbone.reads));
    const rollout = open(await backbone.openRollout(rows, guidance));
    for (const step of plan.steps()) {
      await nextTurn(); // a cancel arrives here, whatever the runtime blocks
      signal.throwIfAborted();
      checkReplay(written, step);
      const past = written[step.index];
      const weight = guidance.weight(step, tokenizer.layout);
      const guided = guidance.active && !(guidance.saves && weight === 1);
      const seen = past && !rollout.remembers ? null : hold(await canvas.read(step));
      const hidden = seen && hold(await rollout.forward(seen, step, guided));
      const sampled = past
        ? reopen(past, step, { rows, space: tokenizer.space })
        : await head.sample(hidden!, { step, rows, weight, rng, options: options.head, signal });
      hold(sampled.tokens);
      const drawn = past ?? (await writtenOf(sampled));
      if (hidden) await checkNumbers(drawn, { hidden, step, space: tokenizer.space });
      const chosen = plan.choose?.(step, sampled);
      const tokens = chosen ? hold(await pickTokens(sampled.tokens, chosen)) : sampled.tokens;
      await canvas.write(chosen?.step ?? step, tokens);
      const event = { type: 'step', step: chosen?.step ?? step, written: drawn } as const;
      disposeAll(held.splice(0));
      yield { ...event, previews: await canvas.preview(past ? 'none' : preview) };
    }
    for (const row of rows.keys()) {
      await nextTurn();
      signal.throwIfAborted();
      yield { type: 'image', row, pixels: await canvas.render(row) };
    }
  } catch (error) {
    throw disposedAfter(error, [...held.splice(0), ...opened.splice(0)]);
  } finally {
    disposeAll([...held, ...opened]);
  }
}
