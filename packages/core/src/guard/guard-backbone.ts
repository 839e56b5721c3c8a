import type { Backbone, Lesson, Rollout, Taught } from '../contracts.ts';
import { checkTensor, tensorsOf } from './check-tensor.ts';
import { LeakWatch, tensorCount } from './leak-watch.ts';
import { awaitPart, callPart, checkMembers, present, wrongShape } from './part-call.ts';

export interface BackboneGuard {
  readonly name: string;
  /** Whether nobody else makes tensors while one of its rollouts is asked. */
  readonly watch: boolean;
}

/** A backbone whose errors, shapes and leaks name it. @throws TesseraError `part-shape` where it is not a whole backbone */
export function guardBackbone(backbone: Backbone, { name, watch }: BackboneGuard): Backbone {
  checkMembers({ name, call: 'build()' }, backbone, ['width', 'reads', 'openRollout', 'teach', 'dispose']);
  const leaks = watch ? new LeakWatch({ name, call: 'a rollout' }) : null;
  let left: number | null = null;
  return present<Backbone>({
    width: backbone.width,
    reads: backbone.reads,
    openRollout: async (rows, guidance) => {
      // Of the rollout before: its `dispose` must not throw, so that the loop can clear away the rest.
      if (left !== null) leaks?.note(left);
      left = null;
      const before = tensorCount();
      const part = { name, call: 'openRollout()' };
      const rollout = await awaitPart(part, () => backbone.openRollout(rows, guidance));
      checkMembers(part, rollout, ['remembers', 'forward', 'dispose']);
      const opened = tensorCount() - before;
      return guardRollout(rollout, {
        name,
        width: backbone.width,
        rows: rows.length,
        opened,
        end: (sum) => (left = sum),
      });
    },
    teach: (lesson, context) => {
      const part = { name, call: 'teach()' };
      const taught = callPart(part, () => backbone.teach(lesson, context));
      checkTensor(part, taught?.values_BlD, {
        field: 'values_BlD',
        shape: taughtShape(lesson, taught, backbone.width),
      });
      return taught;
    },
    dispose: () => backbone.dispose(),
  });
}

interface RolloutGuard {
  readonly name: string;
  readonly width: number;
  readonly rows: number;
  /** Tensors made when it was opened. */
  readonly opened: number;
  /** Told at the end how many tensors it left behind. */
  readonly end: (left: number) => void;
}

function guardRollout(rollout: Rollout, { name, width, rows, opened, end }: RolloutGuard): Rollout {
  let sum = opened;
  const part = { name, call: 'forward()' };
  return present<Rollout>({
    remembers: rollout.remembers,
    forward: async (context, step, guided) => {
      const before = tensorCount();
      const hidden = await awaitPart(part, () => rollout.forward(context, step, guided));
      sum += tensorCount() - before - tensorsOf(hidden).length;
      try {
        const l = step.positions_Bl.length / rows;
        const shape = [(hidden?.guided ? 2 : 1) * rows, l, width];
        checkTensor(part, hidden?.values_RlD, { field: 'values_RlD', shape });
        if (hidden.positions_Bl?.length !== rows * l) {
          throw wrongShape(part, `positions_Bl of ${hidden.positions_Bl?.length} numbers`, `${rows * l}`);
        }
      } catch (error) {
        for (const tensor of tensorsOf(hidden)) tensor.dispose();
        throw error;
      }
      return hidden;
    },
    dispose: () => {
      const before = tensorCount();
      rollout.dispose();
      end(sum + tensorCount() - before);
    },
  });
}

function taughtShape({ values_BLC }: Lesson, taught: Taught | undefined, width: number): (number | null)[] {
  const [B, L] = values_BLC.shape;
  return [B, taught?.positions_Bl ? taught.positions_Bl.shape[1] : L, width];
}
