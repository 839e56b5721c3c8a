import { formatTime } from '../runs/sentences.ts';
import { valueTitle, type Comparison } from './comparison.ts';
import type { ShownCell } from './picture-table.tsx';
import { bestOf, costOf, type Cost } from './table.ts';

interface Column {
  readonly name: string;
  readonly what: keyof Cost;
  readonly hasBest: boolean;
  format(value: number): string;
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

const columns: readonly Column[] = [
  { name: 'Time', what: 'warmMs', hasBest: true, format: formatTime },
  { name: 'First, with loading', what: 'coldMs', hasBest: false, format: formatTime },
  { name: 'Steps', what: 'steps', hasBest: true, format: String },
  { name: 'Tokens', what: 'tokens', hasBest: true, format: String },
  { name: 'Parameters', what: 'parameters', hasBest: true, format: (value) => compact.format(value) },
];

interface CostTableProps {
  readonly comparison: Comparison;
  readonly all: readonly ShownCell[];
}

/**
 * What each picture took: the least of each column is marked. On a narrow screen each row is a list of heads and values;
 * styles that make it one would take its roles away.
 */
export function CostTable({ comparison: { x, y }, all }: CostTableProps) {
  const costs = all.map(({ run, state, model }) => costOf(run, state, model));
  const shown = columns.filter(({ what }) => what !== 'coldMs' || costs.some(({ coldMs }) => coldMs !== null));
  const best = new Map(shown.map(({ what, hasBest }) => [what, hasBest ? bestOf(costs, what) : new Set<number>()]));
  return (
    <section className="compare-costs">
      <h2>What each takes</h2>
      <div tabIndex={0} role="region" aria-label="What each takes">
        <table role="table">
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col">
                Picture
              </th>
              {shown.map(({ name }) => (
                <th key={name} role="columnheader" scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {all.map(({ cell, model }, place) => (
              <tr key={`${cell.x} ${cell.y}`} role="row">
                <th role="rowheader" scope="row">
                  {valueTitle(x, cell.x, model)}
                  {y && cell.y !== null && ` · ${valueTitle(y, cell.y, model)}`}
                </th>
                {shown.map(({ name, what, format }) => {
                  const value = costs[place]![what];
                  const isBest = best.get(what)!.has(place);
                  return (
                    <td key={what} role="cell" data-head={name} className={isBest ? 'best' : undefined}>
                      {value === null ? '–' : format(value)}
                      {isBest && <span className="best-mark"> least</span>}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="hint">
        Time is that of the model alone, one picture at a time: neither waiting nor loading counts. A picture whose
        model had to be read from the disk first is made once more.
      </p>
    </section>
  );
}
