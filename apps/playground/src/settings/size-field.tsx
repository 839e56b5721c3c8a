import { useId } from 'react';
import type { Model } from '../api/operations.ts';
import { described, Hint } from './fields.tsx';
import { offeredSizes, sizeText } from './sizes.ts';

interface SizeFieldProps {
  readonly model: Model;
  /** Left out: the model's own. */
  readonly size: string | undefined;
  readonly problem: string | undefined;
  onPick(size: string): void;
}

/** Sizes and shapes of the pictures; nothing where the model makes its own alone. An address may hold others. */
export function SizeField({ model, size = sizeText(model), problem, onPick }: SizeFieldProps) {
  const id = useId();
  const offered = offeredSizes(model);
  if (offered.length === 0) return null;
  const hint = 'Other sizes come from the same weights: details are best at the first.';
  return (
    <div className="field">
      <label htmlFor={id}>Size</label>
      <select
        id={id}
        value={size}
        {...described(id, { hint, problem })}
        onChange={({ target }) => onPick(target.value)}
      >
        {[...new Set([...offered, size])].map((text) => (
          <option key={text} value={text}>
            {text.replace('x', ' × ')}
          </option>
        ))}
      </select>
      <Hint id={id} text={hint} problem={problem} />
    </div>
  );
}
