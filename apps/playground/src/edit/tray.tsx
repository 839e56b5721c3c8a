import { modelOf } from '../api/model-of.ts';
import type { Model } from '../api/operations.ts';
import { ErrorNote } from '../error-note.tsx';
import { partAt } from '../pictures/picture-part.ts';
import { StepPicture } from '../pictures/step-picture.tsx';
import { isBusy, type GenerationState } from '../runs/generation-state.ts';
import { runs, useRun } from '../runs/use-run.ts';
import { subjectName } from '../runs/sentences.ts';
import type { Variants } from './use-draft.ts';

/** One of the variants. */
export interface Chosen {
  readonly key: string;
  readonly image: number;
}

interface TrayProps {
  readonly variants: readonly Variants[];
  readonly models: readonly Model[];
  readonly chosen: Chosen | null;
  onChoose(chosen: Chosen): void;
}

/** Everything that was made of this picture, the newest first. */
export function Tray({ variants, ...others }: TrayProps) {
  if (variants.length === 0) return null;
  return (
    <section className="edit-tray" aria-label="Variants">
      {variants.map(({ key }) => (
        <Row key={key} runKey={key} {...others} />
      ))}
    </section>
  );
}

interface RowProps extends Omit<TrayProps, 'variants'> {
  readonly runKey: string;
}

function Row({ runKey, models, chosen, onChoose }: RowProps) {
  const state = useRun(runKey);
  if (!state) return null;
  const model = modelOf(models, state.model, state.asked);
  const isChosen = (image: number) => chosen?.key === runKey && chosen.image === image;
  return (
    <div className="edit-row" data-status={state.status}>
      <header>
        <p aria-live="polite">{said(state)}</p>
        {isBusy(state) && (
          <button type="button" onClick={() => runs.cancel(runKey)}>
            Stop
          </button>
        )}
      </header>
      {state.status === 'failed' && <ErrorNote message={state.error ?? 'It failed without a reason.'} />}
      {model && state.status !== 'failed' && (
        <div className="edit-variants">
          {state.labels.map((_, image) => (
            <button
              key={image}
              type="button"
              aria-pressed={isChosen(image)}
              onClick={() => onChoose({ key: runKey, image })}
            >
              <StepPicture
                part={partAt(state, image, 'finished')}
                name={variantName(state, image, model)}
                width={model.image.width}
                height={model.image.height}
              />
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

export function variantName({ asked, seed }: GenerationState, image: number, model: Model): string {
  const one = asked?.images[image];
  const shows = !one || one.condition.__typename === 'NoCondition' ? 'whatever fits' : subjectName(one, model);
  return `Variant ${image + 1}, ${shows}, seed ${seed + image}`;
}

function said({ status, steps, ahead, labels, seed }: GenerationState): string {
  const of = steps.at(-1)?.of;
  const count = labels.length === 1 ? '1 variant' : `${labels.length} variants`;
  switch (status) {
    case 'sending':
      return 'Asking the server…';
    case 'queued':
      return ahead > 0 ? `Waits: ${ahead} ahead` : 'Waits';
    case 'running':
      return of === undefined ? 'Begins' : `Step ${steps.length} of ${of}`;
    case 'completed':
      return `${count}, from seed ${seed}`;
    case 'failed':
      return 'Failed';
    case 'canceled':
      return 'Stopped';
  }
}
