import { lazy, Suspense, useCallback, useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { modelOf } from '../api/model-of.ts';
import type { Model } from '../api/operations.ts';
import { ErrorBoundary, NotLoaded } from '../error-boundary.tsx';
import { layerOf, layers } from '../anatomy/layers.ts';
import { ErrorNote } from '../error-note.tsx';
import { isBusy, isGone, type GenerationState } from '../runs/generation-state.ts';
import { runName, shortSentence } from '../runs/sentences.ts';
import { stepBy, type Place } from '../runs/place.ts';
import { runs } from '../runs/use-run.ts';
import { SettingsForm } from '../settings/settings-form.tsx';
import { explain } from '../runs/explain.ts';
import { useKeys } from './keys.ts';
import { Notes } from './notes.tsx';
import { Rail } from './rail.tsx';
import { Progress } from './progress.tsx';
import type { View } from './place-address.ts';
import { useFirstReplay, usePlay } from './use-play.ts';
import { useWorkbench } from './use-workbench.ts';

/* What the page does without when it opens. */
const ImageActions = lazy(() => import('./image-actions.tsx').then(({ ImageActions }) => ({ default: ImageActions })));
const Stage = lazy(() => import('./stage.tsx').then(({ Stage }) => ({ default: Stage })));
const Samples = lazy(() => import('./samples.tsx').then(({ Samples }) => ({ default: Samples })));

const Anatomy = lazy(() => import('../anatomy/anatomy.tsx').then(({ Anatomy }) => ({ default: Anatomy })));

interface WorkbenchProps {
  readonly models: readonly Model[];
  readonly isShown: boolean;
}

/** The stage in the middle, the settings beside it, and what was made before. */
export function Workbench({ models, isShown }: WorkbenchProps) {
  const bench = useWorkbench(models, isShown, layers);
  const { state, view, look, settings, stopping } = bench;
  const showPlace = useCallback((place: Place) => look({ place }), [look]);
  const { isPlaying, toggle, pause } = usePlay(state, view.place, showPlace);
  // Where a person goes to a step, it stays there.
  const goTo = (part: Partial<View>) => {
    if (part.place !== undefined) pause();
    look(part);
  };
  const stage = useRef<HTMLElement>(null);
  const beneath = useRef<HTMLDivElement>(null);
  const begun = useFirstReplay(state, bench.key, toggle);
  const generate = () => {
    pause();
    begun(bench.generate());
    bringIntoView(stage.current!);
  };
  // What had the focus may be gone then.
  const focusStage = () => stage.current!.focus();
  const goBeneath = () => {
    beneath.current!.focus({ preventScroll: true });
    beneath.current!.scrollIntoView({ block: 'start' });
  };
  const fork = () => {
    bench.fork();
    document.querySelector<HTMLElement>('.settings summary, .settings input')!.focus();
  };
  const stop = () => stopping !== null && runs.cancel(stopping);
  const step = (by: number) => state && goTo({ place: stepBy(state, view.place, by) });
  useKeys(isShown, { run: generate, stop, play: toggle, step });
  const model = modelOf(models, state?.model ?? settings.model, state?.asked ?? null);
  useTitle(isShown, state, model);
  return (
    <main className="create">
      <section
        ref={stage}
        tabIndex={-1}
        className="stage"
        aria-label="Stage"
        data-busy={state !== null && isBusy(state)}
      >
        <Notes
          notes={bench.notes}
          onDismiss={() => {
            bench.dismiss();
            focusStage();
          }}
        />
        {state ? (
          <>
            <Progress state={state} title={runName(state, model)} />
            <Failure
              state={state}
              onAgain={() => {
                bench.again();
                focusStage();
              }}
            />
            {!model && state.model !== null && <p>The server no longer has the model {state.model}.</p>}
            {model && state.labels.length > 0 && (
              <ErrorBoundary instead={<NotLoaded />}>
                <Suspense fallback={<div className="viewport" />}>
                  <Stage {...{ state, model, view, isPlaying }} onView={goTo} onPlay={toggle}>
                    <ErrorBoundary instead={<NotLoaded />}>
                      <Suspense fallback={<div className="caption" />}>
                        <ImageActions {...{ state, model, models, view }} onAnatomy={goBeneath} onFork={fork} />
                      </Suspense>
                    </ErrorBoundary>
                  </Stage>
                </Suspense>
              </ErrorBoundary>
            )}
            {state.status === 'sending' && <div className="viewport" />}
          </>
        ) : (
          <ErrorBoundary instead={<div className="samples">Press Generate and watch an image come about.</div>}>
            <Suspense fallback={<div className="samples" />}>
              <Samples chosen={settings.model} />
            </Suspense>
          </ErrorBoundary>
        )}
      </section>
      <SettingsForm
        {...{ models, settings, problems: bench.problems }}
        canStop={stopping !== null}
        onChange={bench.change}
        onGenerate={generate}
        onStop={stop}
      />
      {state && model && state.steps.length > 0 && (
        <div ref={beneath} tabIndex={-1} className="beneath">
          <ErrorBoundary instead={<p>How it came about could not be loaded: the server does not answer.</p>}>
            <Suspense>
              <Anatomy
                {...{ state, model, image: view.image, place: view.place }}
                onPlace={(place) => goTo({ place })}
                layer={layerOf(view.layer)}
                onLayer={(layer) => look({ layer: layer === 'off' ? null : layer })}
              />
            </Suspense>
          </ErrorBoundary>
        </div>
      )}
      <Rail models={models} shown={bench.key} />
    </main>
  );
}

function Failure({ state, onAgain }: { readonly state: GenerationState; onAgain(): void }) {
  const isBack = useServerIsBack(state.errorCode === 'unreachable');
  if (state.status !== 'failed') return null;
  const { said, detail, canRepeat } = explain(state);
  return (
    <ErrorNote
      message={isBack ? 'The server did not answer, and does again. Try again.' : said}
      detail={detail}
      retry={canRepeat ? onAgain : undefined}
    >
      {isGone(state) && <Link href="/gallery">Look for it in the gallery</Link>}
    </ErrorNote>
  );
}

/** Asks every few seconds while it is out, so that a person knows when to try again. */
function useServerIsBack(isOut: boolean): boolean {
  const [isBack, setIsBack] = useState(false);
  useEffect(() => {
    if (!isOut) return;
    setIsBack(false);
    const timer = setInterval(() => {
      fetch('/', { method: 'HEAD', cache: 'no-store' }).then(
        // A proxy answers for a server that is out.
        ({ ok }) => {
          if (!ok) return;
          clearInterval(timer);
          setIsBack(true);
        },
        () => undefined,
      );
    }, 3000);
    return () => clearInterval(timer);
  }, [isOut]);
  return isOut && isBack;
}

/** On a small screen what was started must be seen: the images, not the form. */
function bringIntoView(stage: HTMLElement): void {
  const { top } = stage.getBoundingClientRect();
  if (top < 0 || top > innerHeight / 3) stage.scrollIntoView({ block: 'start' });
}

function useTitle(isShown: boolean, state: GenerationState | null, model: Model | undefined): void {
  const title = !state
    ? 'Tessera'
    : isBusy(state) || state.labels.length === 0
      ? `${shortSentence(state)} · Tessera`
      : `${runName(state, model)}: ${shortSentence(state).toLowerCase()} · Tessera`;
  useEffect(() => {
    if (isShown) document.title = title;
  }, [isShown, title]);
}
