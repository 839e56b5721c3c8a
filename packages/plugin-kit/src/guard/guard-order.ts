import type { Order } from '@tessera/core';
import { guardPlan } from './guard-plan.ts';
import { lentKept } from './lent.ts';
import { callPart, checkMembers, present, wrongShape } from './part-call.ts';

/** An order whose errors and answers name it. @throws TesseraError `part-shape` where it is not a whole order */
export function guardOrder(order: Order, name: string): Order {
  checkMembers({ name, call: 'build()' }, order, ['open', 'visit', 'stops']);
  return present<Order>({
    open: (layout, request) => {
      const part = { name, call: 'open()', lent: [request.kept] };
      const plan = callPart(part, () => order.open(layout, { ...request, kept: lentKept(request.kept) }));
      checkMembers(part, plan, ['steps', 'dispose']);
      return guardPlan(plan, { name, length: layout.length, rows: request.rows.length, kept: request.kept });
    },
    visit: (layout, key_L) => {
      const part = { name, call: 'visit()' };
      const order_L = callPart(part, () => order.visit(layout, key_L.slice()));
      const whole = order_L instanceof Int32Array && order_L.length === layout.length;
      if (!whole) throw wrongShape(part, `${order_L?.length} positions`, `an Int32Array of ${layout.length}`);
      const once = new Set(order_L.filter((at) => at >= 0 && at < layout.length)).size === layout.length;
      if (!once) throw wrongShape(part, 'a position twice or outside', `0 to ${layout.length - 1}, each once`);
      return order_L;
    },
    stops: ({ length, ...rest }) => {
      const part = { name, call: 'stops()' };
      const stops = callPart(part, () => order.stops({ length, ...rest }));
      const ascend = stops?.every((stop, i) => Number.isInteger(stop) && stop < length && stop > (stops[i - 1] ?? -1));
      if (stops === null || (ascend && stops[0] === 0)) return stops;
      throw wrongShape(part, `stops ${String(stops)}`, `null, or integers that ascend from 0 and are below ${length}`);
    },
  });
}
