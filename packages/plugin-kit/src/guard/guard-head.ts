import { TesseraError } from '@tessera/errors';
import {
  type Head,
  type Hidden,
  type SampleContext,
  type Sampled,
  type Space,
  type TrainHidden,
  tensorsOf,
} from '@tessera/core';
import { checkTensor, findUseless, LeakWatch, lentHidden, lentStep, tensorCount } from './part-values.ts';
import { strayFactor } from './stray-factor.ts';
import {
  awaitPart,
  callPart,
  checkMembers,
  Patience,
  present,
  wrongShape,
  type PartCall,
  type Report,
} from './part-call.ts';

interface HeadGuard {
  readonly name: string;
  readonly space: Space;
  readonly confident: boolean;
  /** As `GuardOptions.watchLeaks`. */
  readonly watch: boolean;
  readonly report?: Report;
}

/** A head whose errors, shapes, numbers and leaks name it. @throws TesseraError `part-shape` where it is not a whole head */
export function guardHead(head: Head, guard: HeadGuard): Head {
  const { name } = guard;
  checkMembers({ name, call: 'build()' }, head, ['loss', 'sample', 'dispose']);
  const patience = new Patience(guard.report);
  const watch = guard.watch ? new LeakWatch({ name, call: 'sample()' }) : null;
  return present<Head>({
    loss: (hidden, target, context) => {
      const part = { name, call: 'loss()', lent: [hidden, target] };
      const loss_Bl = callPart(part, () => head.loss(hidden, target, context));
      checkTensor(part, loss_Bl, { field: 'the loss', shape: rowsOf(hidden) });
      return loss_Bl;
    },
    sample: async (hidden, context) => {
      const before = tensorCount();
      const part = { name, call: 'sample()', lent: [hidden], signal: context.signal, patience };
      const sampled = await awaitPart(
        part,
        () => head.sample(lentHidden(hidden), { ...context, step: lentStep(context.step) }),
        (answer) => {
          checkSampled(answer, { part, guard, hidden, context });
          watch?.note(tensorCount() - before - tensorsOf(answer.tokens).length);
          return checkDrawn(answer, { part, guard, hidden, context });
        },
      );
      return sampled.describe ? { ...sampled, describe: guardDescribe(name, sampled) } : sampled;
    },
    dispose: () => callPart({ name, call: 'dispose()' }, () => head.dispose()),
  });
}

function rowsOf({ values_BlD }: TrainHidden): readonly number[] {
  return values_BlD.shape.slice(0, 2);
}

interface Asked {
  readonly part: PartCall;
  readonly guard: HeadGuard;
  readonly hidden: Hidden;
  readonly context: SampleContext;
}

function checkSampled(sampled: Sampled, { part, guard: { space, confident }, hidden, context }: Asked): void {
  const B = context.rows.length;
  const l = hidden.positions_Bl.length / B;
  const { tokens, confidence_Bl } = sampled ?? {};
  checkTensor(part, tokens?.values_BlC, { field: 'tokens.values_BlC', shape: [B, l, space.channels] });
  if (tokens.index_Bl) checkTensor(part, tokens.index_Bl, { field: 'tokens.index_Bl', shape: [B, l], dtype: 'int32' });
  if (confident && (!(confidence_Bl instanceof Float32Array) || confidence_Bl.length !== B * l)) {
    const got = confidence_Bl == null ? 'no confidence_Bl' : `confidence_Bl of ${confidence_Bl.length} numbers`;
    throw wrongShape(part, got, `a Float32Array of ${B * l}, one a token`);
  }
}

function guardDescribe(name: string, { describe, tokens }: Sampled): NonNullable<Sampled['describe']> {
  const part = { name, call: 'describe()' };
  const [B, l] = tokens.values_BlC.shape;
  return () => {
    const described = callPart(part, () => describe!());
    for (const field of ['logProbability_Bl', 'entropy_Bl'] as const) {
      const numbers = described?.[field];
      if (numbers instanceof Float32Array && numbers.length === B * l && !numbers.some(Number.isNaN)) continue;
      throw wrongShape(part, `no such ${field}`, `a Float32Array of ${B * l} numbers, one a token`);
    }
    const { code_BlK, probability_BlK } = described.likeliest ?? {};
    if (!described.likeliest) return described;
    const isWhole =
      code_BlK instanceof Int32Array && probability_BlK instanceof Float32Array && code_BlK.length % (B * l) === 0;
    if (!isWhole || code_BlK.length !== probability_BlK.length || probability_BlK.some(Number.isNaN))
      throw wrongShape(part, 'no such likeliest', `as many codes as probabilities, equally many for ${B * l} tokens`);
    return described;
  };
}

/** The loop reads these numbers after every step anyway. */
async function checkDrawn({ tokens, confidence_Bl }: Sampled, asked: Asked): Promise<void> {
  const { space } = asked.guard;
  const useless = await findUseless(tokens.values_BlC);
  if (useless !== null) throw await wrongNumbers(asked, `${useless} in tokens.values_BlC`, 'finite numbers');
  if (tokens.index_Bl && space.kind === 'discrete') {
    const outside = await findUseless(tokens.index_Bl, space.vocabulary);
    if (outside !== null) throw await wrongNumbers(asked, `the index ${outside}`, `0 to ${space.vocabulary - 1}`);
  }
  if (space.kind === 'factors') {
    const stray = await strayFactor(await tokens.values_BlC.data<'float32'>(), space);
    if (stray !== null) throw await wrongNumbers(asked, stray, 'an entry of its codebook');
  }
  if (confidence_Bl?.some(Number.isNaN)) throw await wrongNumbers(asked, 'NaN in confidence_Bl', 'logarithms');
}

/** Error `part-numbers`. Hidden states that are not finite are the backbone's fault, not the head's. */
async function wrongNumbers({ guard: { name }, hidden, context: { step } }: Asked, got: string, expected: string) {
  const given = await findUseless(hidden.values_RlD);
  return new TesseraError({
    code: 'part-numbers',
    who: name,
    got: `${got} of sample() at step ${step.index + 1} of ${step.of}`,
    expected,
    next:
      given !== null
        ? `Its hidden states hold ${given} too: look at the backbone and its weights first.`
        : `Its hidden states are finite: look at the weights of ${name}, or report it to its makers.`,
  });
}
