import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { modelOf } from '../api/model-of.ts';
import { fetchGenerations, type Model, type StoredGeneration } from '../api/operations.ts';
import { useLeftSteps } from '../pictures/left-picture.ts';
import { partAfter, partAt, wholePicture, type PicturePart } from '../pictures/picture-part.ts';
import { StepPicture } from '../pictures/step-picture.tsx';
import { isBusy } from '../runs/generation-state.ts';
import { runName, shortSentence, subjectsName } from '../runs/sentences.ts';
import { runs, useRun, useStarted } from '../runs/use-run.ts';

interface RailProps {
  readonly models: readonly Model[];
  /** The run on the stage. */
  readonly shown: string | null;
}

/** Everything this page has made, and before it the server's latest, the newest first. */
export function Rail({ models, shown }: RailProps) {
  const started = useStarted();
  const { latest, error, load } = useLatest();
  const own = new Set(started.map((key) => runs.state(key)?.id));
  const others = (latest ?? []).filter(({ id }) => !own.has(id));
  return (
    <nav className="rail" aria-label="History">
      <ol data-waiting={latest === null && error === null}>
        {started.map((key) => (
          <RunEntry key={key} run={key} models={models} isShown={key === shown} />
        ))}
        {others.map((generation) => (
          <StoredEntry key={generation.id} generation={generation} models={models} isShown={generation.id === shown} />
        ))}
      </ol>
      {started.length === 0 && latest?.length === 0 && <p className="hint rail-empty">What you make is kept here.</p>}
      {error !== null && (
        <p className="hint">
          Earlier images could not be listed: {error}{' '}
          <button type="button" onClick={load}>
            List again
          </button>
        </p>
      )}
    </nav>
  );
}

/** As many as fit beside the stage; the gallery has the others. */
const LATEST = 20;

function useLatest() {
  const [latest, setLatest] = useState<readonly StoredGeneration[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const load = () => {
    setError(null);
    fetchGenerations({ first: LATEST }).then(
      ({ nodes }) => {
        for (const { id, state } of nodes) if (goesOn(state)) runs.show(id);
        setLatest(nodes);
      },
      ({ message }: Error) => setError(message),
    );
  };
  useEffect(load, []);
  return { latest, error, load };
}

function goesOn(state: StoredGeneration['state']): boolean {
  return state === 'QUEUED' || state === 'RUNNING';
}

interface StoredEntryProps {
  readonly generation: StoredGeneration;
  readonly models: readonly Model[];
  readonly isShown: boolean;
}

function StoredEntry({ generation, models, isShown }: StoredEntryProps) {
  const { id, state } = generation;
  if (goesOn(state)) return <RunEntry run={id} models={models} isShown={isShown} />;
  return <EndedEntry {...{ generation, models, isShown }} />;
}

function EndedEntry({ generation, models, isShown }: StoredEntryProps) {
  const { id, state, images, modelName } = generation;
  const left = useLeftSteps(generation);
  const model = modelOf(models, modelName, generation);
  const picture = images[0]?.picture;
  const name = model && images.length > 0 ? subjectsName(images, model) : modelName;
  const status = state === 'COMPLETED' ? 'Finished' : state === 'FAILED' ? 'Failed' : 'Stopped';
  return (
    <Entry
      {...{ id, name, status, model, isShown }}
      seed={generation.seed}
      part={picture ? wholePicture(picture.url) : partAfter(left, 0)}
    />
  );
}

interface RunEntryProps {
  readonly run: string;
  readonly models: readonly Model[];
  readonly isShown: boolean;
}

function RunEntry({ run, models, isShown }: RunEntryProps) {
  const state = useRun(run);
  if (!state) return null;
  const model = modelOf(models, state.model, state.asked);
  return (
    <Entry
      id={state.id}
      name={runName(state, model)}
      seed={state.seed}
      status={shortSentence(state)}
      part={partAt(state, 0, 'finished')}
      {...{ model, isShown }}
      {...(isBusy(state) && { onCancel: () => runs.cancel(run) })}
    />
  );
}

interface EntryProps {
  readonly id: string | null;
  readonly name: string;
  readonly seed: number;
  readonly status: string;
  readonly model: Model | undefined;
  readonly part: PicturePart | null;
  readonly isShown: boolean;
  onCancel?(): void;
}

function Entry({ id, name, seed, status, model, part, isShown, onCancel }: EntryProps) {
  const { width, height } = model?.image ?? { width: 1, height: 1 };
  const what = `${name}, seed ${seed}, ${model?.title ?? 'unknown model'}`;
  const inside = (
    <>
      <StepPicture part={part} name="" width={width} height={height} />
      <span className="entry-name">{name}</span>
      <span className="unseen">
        , seed {seed}, {model?.title ?? 'unknown model'}:
      </span>
      <span className="entry-status">{status}</span>
    </>
  );
  return (
    <li className="entry" data-status={status.split(' ')[0]!.toLowerCase()}>
      {id === null ? (
        <span className="entry-link">{inside}</span>
      ) : (
        <Link className="entry-link" href={`/g/${id}`} title={what} aria-current={isShown ? 'true' : undefined}>
          {inside}
        </Link>
      )}
      {onCancel && (
        <button
          type="button"
          className="entry-cancel"
          aria-label={`Cancel ${what}`}
          onClick={(event) => {
            // The button goes: the focus stays at the run.
            event.currentTarget.parentElement!.querySelector('a')?.focus();
            onCancel();
          }}
        >
          <span aria-hidden="true">✕</span>
        </button>
      )}
    </li>
  );
}
