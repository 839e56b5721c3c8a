import type { Head, Hidden, SampleContext, Sampled, Taught } from '../contracts.ts';
import type { Space } from '../tokens.ts';
import { checkTensor, tensorsOf } from './check-tensor.ts';
import { LeakWatch, tensorCount } from './leak-watch.ts';
import { awaitPart, callPart, checkMembers, present, wrongShape } from './part-call.ts';

export interface HeadGuard {
  readonly name: string;
  readonly space: Space;
  readonly confident: boolean;
  /** Whether nobody else makes tensors while it samples. */
  readonly watch: boolean;
}

/** A head whose errors, shapes and leaks name it. @throws TesseraError `part-shape` where it is not a whole head */
export function guardHead(head: Head, guard: HeadGuard): Head {
  const { name } = guard;
  checkMembers({ name, call: 'build()' }, head, ['loss', 'sample', 'dispose']);
  const watch = guard.watch ? new LeakWatch({ name, call: 'sample()' }) : null;
  return present<Head>({
    loss: (taught, target, context) => {
      const part = { name, call: 'loss()' };
      const loss_Bl = callPart(part, () => head.loss(taught, target, context));
      checkTensor(part, loss_Bl, { field: 'the loss', shape: rowsOf(taught) });
      return loss_Bl;
    },
    sample: async (hidden, context) => {
      const before = tensorCount();
      const sampled = await awaitPart({ name, call: 'sample()' }, () => head.sample(hidden, context));
      try {
        checkSampled(sampled, { guard, hidden, context });
        watch?.note(tensorCount() - before - tensorsOf(sampled.tokens).length);
      } catch (error) {
        for (const tensor of tensorsOf(sampled?.tokens)) tensor.dispose();
        throw error;
      }
      return sampled;
    },
    dispose: () => head.dispose(),
  });
}

function rowsOf({ values_BlD }: Taught): readonly number[] {
  return values_BlD.shape.slice(0, 2);
}

interface Asked {
  readonly guard: HeadGuard;
  readonly hidden: Hidden;
  readonly context: SampleContext;
}

function checkSampled(sampled: Sampled, { guard: { name, space, confident }, hidden, context }: Asked): void {
  const part = { name, call: 'sample()' };
  const B = context.rows.length;
  const l = hidden.positions_Bl.length / B;
  const { tokens, confidence_Bl } = sampled ?? {};
  checkTensor(part, tokens?.values_BlC, { field: 'tokens.values_BlC', shape: [B, l, space.channels] });
  if (tokens.index_Bl) checkTensor(part, tokens.index_Bl, { field: 'tokens.index_Bl', shape: [B, l], dtype: 'int32' });
  if (confident && confidence_Bl?.length !== B * l) {
    const got = confidence_Bl === undefined ? 'no confidence_Bl' : `confidence_Bl of ${confidence_Bl.length} numbers`;
    throw wrongShape(part, got, `${B * l}, one a token`);
  }
}
