import {
  type Backbone,
  type ConditionedBackbone,
  type Guidance,
  disposedAfter,
  type Conditioning,
  type Hidden,
  type Rollout,
  type Row,
  type Step,
  type TrainContext,
  type TrainHidden,
  type TrainTokens,
  tensorsOf,
} from '@tessera/core';
import { checkTensor, LeakWatch, lentStep, tensorCount } from './part-values.ts';
import {
  awaitPart,
  callPart,
  checkMembers,
  misdescribed,
  Patience,
  present,
  wrongShape,
  type Report,
} from './part-call.ts';

interface BackboneGuard {
  readonly name: string;
  /** As `GuardOptions.watchLeaks`. */
  readonly watch: boolean;
  /** As `BackboneFacts.remembers`. */
  readonly remembers: boolean;
  readonly report?: Report;
}

/** A backbone whose errors, shapes and leaks name it. @throws TesseraError `part-shape` where it is not a whole backbone */
export function guardBackbone<B extends Backbone | ConditionedBackbone>(
  backbone: B,
  { name, watch, remembers, report }: BackboneGuard,
): B {
  const patience = new Patience(report);
  checkMembers({ name, call: 'build()' }, backbone, ['width', 'reads', 'openRollout', 'teach', 'dispose']);
  const leaks = watch ? new LeakWatch({ name, call: 'a rollout' }) : null;
  let left: number | null = null;
  return present<AnyGuarded>({
    width: backbone.width,
    reads: backbone.reads,
    openRollout: async (given, guidance) => {
      // Reported here and not by `dispose` of the rollout before, so that the loop can dispose the rest.
      if (left !== null) leaks?.note(left);
      left = null;
      const before = tensorCount();
      const part = { name, call: 'openRollout()', patience };
      const rollout = await awaitPart(
        part,
        () => (backbone as AnyGuarded).openRollout(given, guidance),
        (opened) => {
          checkMembers(part, opened, ['remembers', 'forward', 'dispose']);
          if (opened.remembers === remembers) return;
          const got = `a rollout that says remembers = ${String(opened.remembers)}`;
          throw disposedAfter(misdescribed(name, got, `remembers = ${remembers}`), [opened]);
        },
      );
      const opened = tensorCount() - before;
      const end = (sum: number) => (left = sum);
      const rows = Array.isArray(given) ? given.length : (given as Conditioning).batch;
      return guardRollout(rollout, { name, width: backbone.width, rows, opened, end, patience });
    },
    teach: (batch, context) => {
      const part = { name, call: 'teach()', lent: [batch] };
      const hidden = callPart(part, () => (backbone as AnyGuarded).teach(batch, context));
      checkTrainHidden(name, hidden, { batch, width: backbone.width });
      return hidden;
    },
    dispose: () => callPart({ name, call: 'dispose()' }, () => backbone.dispose()),
  }) as unknown as B;
}

/** A backbone of either contract: they differ in what a rollout begins with, and in the conditions of a batch. */
interface AnyGuarded extends Pick<Backbone, 'width' | 'reads' | 'dispose'> {
  openRollout(given: readonly Row[] | Conditioning, guidance: Guidance): Promise<Rollout>;
  teach(batch: TrainTokens, context: TrainContext): TrainHidden;
}

interface RolloutGuard {
  readonly name: string;
  readonly width: number;
  readonly rows: number;
  readonly patience: Patience;
  /** Tensors made when it was opened. */
  readonly opened: number;
  /** Told at the end how many tensors it left behind. */
  readonly end: (left: number) => void;
}

function guardRollout(rollout: Rollout, { name, width, rows, opened, end, patience }: RolloutGuard): Rollout {
  let sum = opened;
  return present<Rollout>({
    remembers: rollout.remembers,
    forward: async (context, step, guided) => {
      const before = tensorCount();
      return awaitPart(
        { name, call: 'forward()', lent: [context], patience },
        () => rollout.forward(context, lentStep(step), guided),
        (hidden) => {
          sum += tensorCount() - before - tensorsOf(hidden).length;
          checkHidden(name, hidden, { step, guided, rows, width });
        },
      );
    },
    dispose: () => {
      const before = tensorCount();
      callPart({ name, call: 'dispose() of a rollout' }, () => rollout.dispose());
      end(sum + tensorCount() - before);
    },
  });
}

interface HiddenRule {
  readonly step: Step;
  readonly guided: boolean;
  readonly rows: number;
  readonly width: number;
}

function checkHidden(name: string, hidden: Hidden, { step, guided, rows, width }: HiddenRule): void {
  const part = { name, call: 'forward()' };
  const { values_RlD, positions_Bl } = hidden ?? {};
  const l = step.positions_Bl.length / rows;
  checkTensor(part, values_RlD, { field: 'values_RlD', shape: [(guided ? 2 : 1) * rows, l, width] });
  if (hidden.guided !== guided) throw wrongShape(part, `guided = ${String(hidden.guided)}`, `${guided}, as asked`);
  const same = positions_Bl?.length === rows * l && positions_Bl.every((one, i) => one === step.positions_Bl[i]);
  if (!same) throw wrongShape(part, `positions_Bl of ${positions_Bl?.length} others`, "the step's own");
}

interface TrainHiddenRule {
  readonly batch: TrainTokens;
  readonly width: number;
}

/** A trace has no numbers yet: the conformance kit checks that the positions are the right ones. */
function checkTrainHidden(name: string, hidden: TrainHidden, { batch, width }: TrainHiddenRule): void {
  const part = { name, call: 'teach()' };
  const { values_BlD, positions_Bl = null } = hidden ?? {};
  const [B, L] = batch.values_BLC.shape;
  const l = positions_Bl === null ? L : L - (batch.cut?.least ?? 0);
  checkTensor(part, values_BlD, { field: 'values_BlD', shape: [B, l, width] });
  if (positions_Bl !== null) checkTensor(part, positions_Bl, { field: 'positions_Bl', shape: [B, l], dtype: 'int32' });
}
