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

export function Table({ heads, children }: { readonly heads: readonly string[]; readonly children: ReactNode }) {
  return (
    // Wide on a narrow screen: it scrolls by itself, also by keyboard.
    <div className="table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
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
