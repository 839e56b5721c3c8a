import { createElement } from 'react';
import type { Formula } from './formulas.tsx';

interface FormulaDetailsProps {
  /** Of the setting. */
  readonly name: string;
  readonly formula: Formula;
}

/** What a setting does, for those who want to know exactly. */
export function FormulaDetails({ name, formula: { math, sentence, source, href } }: FormulaDetailsProps) {
  return (
    <details className="formula">
      <summary>
        Formula<span className="unseen"> of {name}</span>
      </summary>
      {/* React knows it by name alone. */}
      {createElement('math', { display: 'block' }, math)}
      <p className="hint">
        {sentence}{' '}
        <a href={href} target="_blank" rel="noreferrer">
          {source}
        </a>
      </p>
    </details>
  );
}
