import type { Order } from '../contracts.ts';
import type { Plan, Step } from '../step.ts';
import { callPart, checkMembers, present, wrongShape, type PartCall } from './part-call.ts';

/** An order whose errors and shapes name it. @throws TesseraError `part-shape` where it is not a whole order */
export function guardOrder(order: Order, name: string): Order {
  checkMembers({ name, call: 'build()' }, order, ['open', 'visit', 'stops']);
  return present<Order>({
    open: (layout, request) => {
      const part = { name, call: 'open()' };
      const plan = callPart(part, () => order.open(layout, request));
      checkMembers(part, plan, ['steps', 'dispose']);
      return guardPlan(plan, { name, rows: request.rows.length });
    },
    visit: (layout, key_L) => {
      const part = { name, call: 'visit()' };
      const order_L = callPart(part, () => order.visit(layout, key_L));
      if (order_L instanceof Int32Array && order_L.length === layout.length) return order_L;
      throw wrongShape(part, `${order_L?.length} positions`, `an Int32Array of ${layout.length}`);
    },
    stops: (layout) => callPart({ name, call: 'stops()' }, () => order.stops(layout)),
  });
}

interface PlanGuard {
  readonly name: string;
  readonly rows: number;
}

function guardPlan(plan: Plan, { name, rows }: PlanGuard): Plan {
  return present<Plan>({
    steps: () => guardSteps(plan, { part: { name, call: 'steps()' }, rows }),
    choose: plan.choose && ((step, sampled) => callPart({ name, call: 'choose()' }, () => plan.choose!(step, sampled))),
    dispose: () => plan.dispose(),
  });
}

function* guardSteps(plan: Plan, { part, rows }: { readonly part: PartCall; readonly rows: number }): Generator<Step> {
  const steps = callPart(part, () => plan.steps()[Symbol.iterator]());
  try {
    for (;;) {
      const next = callPart(part, () => steps.next());
      if (next.done) return;
      const count = next.value?.positions_Bl?.length;
      if (!(next.value?.positions_Bl instanceof Int32Array) || count === 0 || count % rows !== 0) {
        throw wrongShape(part, `a step of ${count} positions`, `an Int32Array, equally many for each of ${rows} rows`);
      }
      yield next.value;
    }
  } finally {
    steps.return?.();
  }
}
