import type { ReactNode } from 'react';

/* What the tables of the server's room are made of. */

interface SectionProps {
  readonly title: string;
  /** What to say instead of the table; false where there is one. */
  readonly empty: string | false;
  readonly children: ReactNode;
}

export function Section({ title, empty, children }: SectionProps) {
  return (
    <section>
      <h2>{title}</h2>
      {empty === false ? children : <p className="quiet">{empty}</p>}
    </section>
  );
}

export interface TableRow {
  readonly key: string;
  /** One for each head; the first names the row. */
  readonly cells: readonly ReactNode[];
}

/** On a narrow screen each row is a list of heads and values. Styles that make it one would take its roles away. */
export function Table({ heads, rows }: { readonly heads: readonly string[]; readonly rows: readonly TableRow[] }) {
  return (
    // Where it is wider than its place, it scrolls by itself, also by keyboard.
    <div className="table" tabIndex={0}>
      <table role="table">
        <thead role="rowgroup">
          <tr role="row">
            {heads.map((head) => (
              <th key={head} role="columnheader" scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map(({ key, cells: [name, ...values] }) => (
            <tr key={key} role="row">
              <th role="rowheader" scope="row">
                {name}
              </th>
              {values.map((value, index) => (
                <td key={heads[index + 1]} role="cell" data-head={heads[index + 1]}>
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** In its largest unit: 340 ms, 12 s, 5 min, 3 h, 2 d. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  const units: readonly (readonly [string, number])[] = [
    ['s', 60],
    ['min', 60],
    ['h', 24],
  ];
  let value = seconds;
  for (const [unit, next] of units) {
    if (value < next) return `${Math.round(value)} ${unit}`;
    value /= next;
  }
  return `${Math.round(value)} d`;
}

/** `1.4 GB`, in powers of ten as machines are sold. */
export function bytes(count: number): string {
  return count < 1e9 ? `${Math.round(count / 1e6)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}
