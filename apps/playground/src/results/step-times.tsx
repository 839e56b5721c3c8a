import type { Step } from '../api/types.ts';
import { formatTime } from './progress.tsx';

/** How long the model took for each scale. */
export function StepTimes({ steps }: { readonly steps: readonly Step[] }) {
  const longest = Math.max(...steps.map(({ milliseconds }) => milliseconds));
  return (
    <table className="times">
      <caption>Time per scale</caption>
      <thead className="unseen">
        <tr>
          <th scope="col">Scale</th>
          <th scope="col">Tokens</th>
          <th scope="col">Time</th>
        </tr>
      </thead>
      <tbody>
        {steps.map(({ index, positions, milliseconds }) => (
          <tr key={index}>
            <th scope="row">{index + 1}</th>
            <td>{tokens(positions[0]?.length ?? 0)}</td>
            <td>
              <meter min={0} max={longest} value={milliseconds} aria-hidden="true" />
              {formatTime(milliseconds)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Scales are squares as a rule: 16 tokens are 4 × 4. */
function tokens(count: number): string {
  const side = Math.sqrt(count);
  return Number.isInteger(side) ? `${side} × ${side}` : `${count} tokens`;
}
