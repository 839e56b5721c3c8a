import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { Model } from '../api/operations.ts';
import { useModels } from '../api/use-models.ts';
import { ErrorNote } from '../error-note.tsx';
import { runs } from '../runs/use-run.ts';
import { CompareForm } from './compare-form.tsx';
import { cellsOf, readComparison, writeComparison, type Comparison } from './comparison.ts';
import { CostTable } from './cost-table.tsx';
import { Runner, type CellRun } from './runner.ts';
import { Scrubber } from './scrubber.tsx';
import { useRuns } from './use-runs.ts';
import { PictureTable } from './picture-table.tsx';
import './compare.css';

/** Leaving the room ends nothing: what was compared goes on, and is shown when one comes back. */
const runner = new Runner(runs);
let last: { readonly search: string; readonly shown: Comparison | null } = { search: '', shown: null };

/** One picture in many ways. */
export function CompareRoom() {
  const { models, error } = useModels();
  if (error !== null) return <ErrorNote message={error} />;
  if (!models) return <p className="loading">Loading the models…</p>;
  if (models.length === 0) {
    return (
      <ErrorNote message="No model is installed, so nothing can be compared. Put a model folder into models/ and start the server again." />
    );
  }
  return <Compare models={models} />;
}

/** The address holds what is compared; `shown` is what has been made, until something else is. */
function Compare({ models }: { readonly models: readonly Model[] }) {
  const search = useSearch();
  const [, navigate] = useLocation();
  useEffect(() => {
    if (search === '' && last.search !== '') navigate(`/compare?${last.search}`, { replace: true });
    else last = { ...last, search };
  }, [search, navigate]);
  const { comparison, ids, notes } = useMemo(
    () => readComparison(new URLSearchParams(search), models),
    [search, models],
  );
  const { cells, problems } = useMemo(() => cellsOf(comparison, models), [comparison, models]);
  const progress = useSyncExternalStore(runner.onChange, runner.state);
  const [shown, setShown] = useState(last.shown);
  useEffect(() => void (last = { ...last, shown }), [shown]);
  const [share, setShare] = useState(1);
  const asked = writeComparison(comparison, models, []);
  const go = (to: Comparison, made: readonly string[] = []) =>
    navigate(`/compare?${writeComparison(to, models, made)}`, { replace: true });

  useEffect(() => {
    // Results that another one has made, or a reload brings back.
    const isShown = shown !== null && writeComparison(shown, models, []) === asked;
    if (isShown || ids.length === 0 || ids.length !== cells.length) return;
    runner.show(ids);
    setShown(comparison);
  }, [shown, ids, cells, comparison, models, asked]);
  useKeptIds(progress.cells, (made) => {
    const isAsked = shown !== null && writeComparison(shown, models, []) === asked;
    if (!progress.isRunning && isAsked && made.join() !== ids.join()) go(comparison, made);
  });
  const start = () => {
    go(comparison);
    setShown(comparison);
    setShare(1);
    void runner.start(cells.map(({ input }) => input));
  };
  const isOther = shown !== null && writeComparison(shown, models, []) !== asked;
  return (
    <main className="compare" aria-label="Compare">
      <CompareForm
        comparison={comparison}
        models={models}
        count={cells.length}
        isRunning={progress.isRunning}
        onChange={go}
        onStart={start}
        onStop={() => runner.stop()}
      />
      {[...notes, ...problems].map((note) => (
        <p key={note} className="compare-note" role="alert">
          {note}
        </p>
      ))}
      {isOther && <p className="hint">The pictures below are of the settings before. Press Compare to make these.</p>}
      {shown ? (
        <Made shown={shown} cells={progress.cells} models={models} share={share} onShare={setShare} />
      ) : (
        <p className="compare-empty">
          One seed, drawn in several ways: every picture is the same but for what you choose above. Press Compare to see
          where they part, step by step.
        </p>
      )}
    </main>
  );
}

/** Calls `keep` when what was made has other ids than before. */
function useKeptIds(cells: readonly CellRun[], keep: (ids: readonly string[]) => void): void {
  const states = useRuns(cells.map(({ key }) => key));
  const made = states.flatMap((state) => (state?.status === 'completed' && state.id !== null ? state.id : []));
  const all = made.length === cells.length && made.length > 0 ? made.join() : '';
  useEffect(() => {
    if (all !== '') keep(all.split(','));
  });
}

interface MadeProps {
  readonly shown: Comparison;
  readonly cells: readonly CellRun[];
  readonly models: readonly Model[];
  readonly share: number;
  onShare(share: number): void;
}

function Made({ shown, cells: made, models, share, onShare }: MadeProps) {
  const { cells } = useMemo(() => cellsOf(shown, models), [shown, models]);
  const states = useRuns(made.map(({ key }) => key));
  const all = cells.map((cell, i) => ({
    cell,
    run: made[i] ?? { key: null, coldMs: null },
    state: states[i] ?? null,
    model: models.find(({ name }) => name === cell.settings.model)!,
  }));
  return (
    <>
      <Scrubber share={share} onShare={onShare} />
      <PictureTable comparison={shown} all={all} share={share} />
      <CostTable comparison={shown} all={all} />
    </>
  );
}
