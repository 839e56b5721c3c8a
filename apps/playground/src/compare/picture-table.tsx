import type { CSSProperties } from 'react';
import { Link } from 'wouter';
import type { Model } from '../api/operations.ts';
import { partAt } from '../pictures/picture-part.ts';
import { StepPicture } from '../pictures/step-picture.tsx';
import type { GenerationState } from '../runs/generation-state.ts';
import { imageName, shortSentence } from '../runs/sentences.ts';
import { titleOf } from '../settings/classes.tsx';
import { valueTitle, type Cell, type Comparison } from './comparison.ts';
import type { CellRun } from './runner.ts';
import { stepAt } from './table.ts';

export interface ShownCell {
  readonly cell: Cell;
  readonly run: CellRun;
  readonly state: GenerationState | null;
  readonly model: Model;
}

interface PictureTableProps {
  readonly comparison: Comparison;
  readonly all: readonly ShownCell[];
  readonly share: number;
}

/** All pictures at the same share of their steps. */
export function PictureTable({ comparison: { x, y }, all, share }: PictureTableProps) {
  const acrossOf = (value: string) => all.find(({ cell }) => cell.x === value);
  const across = x.values.filter((value) => acrossOf(value));
  const down = (y?.values ?? [null]).filter((value) => all.some(({ cell }) => cell.y === value));
  return (
    // Wide on a narrow screen: it scrolls by itself, also by keyboard.
    <div className="compare-pictures" tabIndex={0} role="region" aria-label="Pictures">
      <table style={{ '--columns': across.length } as CSSProperties}>
        <thead>
          <tr>
            {y && <td />}
            {across.map((value) => (
              <th key={value} scope="col">
                {valueTitle(x, value, acrossOf(value)!.model)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {down.map((value) => (
            <tr key={value}>
              {y && value !== null && (
                <th scope="row">{valueTitle(y, value, all.find(({ cell }) => cell.y === value)!.model)}</th>
              )}
              {across.map((column) => {
                const shown = all.find(({ cell }) => cell.x === column && cell.y === value);
                return <td key={column}>{shown && <Shown {...shown} share={share} />}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Shown({ cell, state, model, share }: ShownCell & { readonly share: number }) {
  const { width, height } = model.image;
  const steps = state?.steps.length ?? 0;
  const step = stepAt(state?.status === 'completed' ? steps : 0, share);
  const what = state?.id
    ? imageName(state, model, 0)
    : model.classes.length > 0
      ? titleOf(Number(cell.settings.label), model.classes)
      : 'Not asked for yet';
  const where = step === 'finished' ? '' : `, step ${step + 1} of ${steps}`;
  return (
    <figure>
      <StepPicture
        part={state && partAt(state, 0, step)}
        name={`${what}, ${model.name}${where}`}
        width={width}
        height={height}
      />
      <figcaption>
        {state?.status === 'failed' ? (
          <span className="bad">{state.error}</span>
        ) : state?.status === 'completed' ? (
          <>{step === 'finished' ? <Link href={`/g/${state.id}`}>Open</Link> : `Step ${step + 1} of ${steps}`}</>
        ) : state ? (
          shortSentence(state)
        ) : (
          'Waits'
        )}
      </figcaption>
    </figure>
  );
}
