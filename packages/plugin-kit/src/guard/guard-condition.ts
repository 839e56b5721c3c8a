import type { Tensor } from '@tensorflow/tfjs';
import type { ConditionDims, ConditionForm, ConditionPart, Embedded } from '@tessera/core';
import { callPart, checkMembers, present, wrongShape } from './part-call.ts';
import { checkTensor } from './part-values.ts';

interface ConditionGuard {
  readonly name: string;
  readonly forms: readonly ConditionForm[];
  readonly dims: ConditionDims;
}

/** A condition whose errors and shapes name it. @throws TesseraError `part-shape` where it is not a whole condition */
export function guardCondition(part: ConditionPart, { name, forms, dims }: ConditionGuard): ConditionPart {
  checkMembers({ name, call: 'build()' }, part, ['axes', 'encode', 'embed', 'dispose']);
  const names = Object.keys(part.axes);
  return present<ConditionPart>({
    axes: { ...part.axes },
    encode: (values) => {
      const call = { name, call: 'encode()', quotes: true };
      const encoded = callPart(call, () => part.encode([...values]));
      for (const one of names) {
        const tensor = encoded?.[one] as Tensor | undefined;
        const sizes = tensor?.shape?.slice(1).map(() => null) ?? [];
        checkTensor(call, tensor, { field: one, shape: [values.length, ...sizes], dtype: tensor?.dtype ?? 'float32' });
      }
      return encoded;
    },
    embed: (encoded, dropped_R, context) => {
      const call = { name, call: 'embed()', lent: [encoded, { dropped_R }] };
      const embedded = callPart(call, () => part.embed(encoded, dropped_R, context));
      checkEmbedded(call, embedded, { forms, dims, rows: encoded[names[0]!]!.shape[0]! });
      return embedded;
    },
    dispose: () => callPart({ name, call: 'dispose()' }, () => part.dispose()),
  });
}

interface EmbeddedRule {
  readonly forms: readonly ConditionForm[];
  readonly dims: ConditionDims;
  readonly rows: number;
}

function checkEmbedded(
  call: { readonly name: string; readonly call: string },
  embedded: Embedded,
  { forms, dims: { width, layout }, rows: R }: EmbeddedRule,
): void {
  const { vector_RD, sequence, map_RLD } = embedded ?? {};
  const given = { vector: vector_RD, sequence, map: map_RLD };
  for (const [form, one] of Object.entries(given) as [ConditionForm, unknown][]) {
    if ((one === undefined) !== forms.includes(form)) continue;
    throw wrongShape(
      call,
      one === undefined ? `no ${form}` : `a ${form}`,
      `the forms ${forms.join(', ')}, as described`,
    );
  }
  if (vector_RD) checkTensor(call, vector_RD, { field: 'vector_RD', shape: [R, width] });
  if (map_RLD) checkTensor(call, map_RLD, { field: 'map_RLD', shape: [R, layout.length, width] });
  if (!sequence) return;
  const { values_RSD, counts_RS } = sequence;
  checkTensor(call, values_RSD, { field: 'sequence.values_RSD', shape: [R, null, width] });
  checkTensor(call, counts_RS, { field: 'sequence.counts_RS', shape: [R, values_RSD.shape[1]] });
}
