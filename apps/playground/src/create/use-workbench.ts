import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Model } from '../api/operations.ts';
import { isBusy } from '../runs/generation-state.ts';
import { runs, useRun, useStarted } from '../runs/use-run.ts';
import { readRecipe, writeRecipe } from '../settings/recipe.ts';
import { defaultSettings, newSeed, settingsOf, toInput, type Settings } from '../settings/settings.ts';
import { firstView, isMeasured, readView, viewNames, writeView, type View } from './place-address.ts';
import { problemsOf } from '../runs/explain.ts';
import { firstModel } from '../settings/first-model.ts';
import { resultIn, useCreateAddress, type PageAddress } from './use-create-address.ts';

export interface Note {
  readonly text: string;
  readonly href?: string;
}

const noNotes: readonly Note[] = [];
const noRun = '';

/** What Create holds: the settings of the form, the run on the stage, and the address that tells one of them. */
export function useWorkbench(models: readonly Model[], isShown: boolean, layers: readonly string[]) {
  const [settings, setSettings] = useState<Settings>(() => defaultSettings(firstModel(models)));
  const [key, setKey] = useState<string | null>(null);
  const [view, setView] = useState<View>(firstView);
  const [notes, setNotes] = useState(noNotes);
  const state = useRun(key ?? noRun);
  /** A run of this form that has no address yet. */
  const fresh = useRef<string | null>(null);
  /** The address of a result that is not known well enough yet to be read. */
  const unread = useRef<URLSearchParams | null>(null);

  const read = ({ path, search, isEntered }: PageAddress) => {
    const isBare = path === '/' && search.size === 0;
    // Who comes back finds the run as it was, at its own address; it may have none yet.
    if (isBare && isEntered && key !== null) {
      if (state?.id) write(`/g/${state.id}${writeView(view, state)}`, { replace: true });
      return;
    }
    fresh.current = null;
    const [old, ...more] = search.getAll('generation');
    const id = resultIn(path) ?? old ?? null;
    if (id !== null) {
      unread.current = search;
      setKey(runs.show(id));
      setView(firstView);
      setNotes(more.map((other) => ({ text: 'The address names one more result:', href: `/g/${other}` })));
      if (old !== undefined) write(`/g/${id}`, { replace: true });
    } else if (path === '/' && search.size > 0) {
      const recipe = readRecipe(search, models);
      setSettings(recipe.settings);
      setNotes(recipe.notes.map((text) => ({ text })));
    } else if (isBare) {
      setKey(null);
      setNotes(noNotes);
    }
  };
  const { path, write } = useCreateAddress(isShown, read);

  // The settings of the form are those of a result that an address shows, as soon as the server has told them.
  const asked = state?.asked ?? null;
  useEffect(() => {
    const model = models.find(({ name }) => name === asked?.modelName);
    if (!asked || !model || !unread.current) return;
    setSettings((before) => ({ ...settingsOf(asked, model), isLocked: before.isLocked }));
  }, [asked, models]);
  useEffect(() => {
    const search = unread.current;
    if (!search || !state) return;
    const isGone = state.status === 'failed' && state.asked === null;
    if (!isGone && !isMeasured(state)) return;
    unread.current = null;
    if (isGone && search.has('model')) {
      const recipe = readRecipe(search, models, viewNames);
      setSettings(recipe.settings);
      const offer = 'The link tells what made it. Press Generate to make it here.';
      setNotes([{ text: offer }, ...recipe.notes.map((text) => ({ text }))]);
    }
    if (isGone) return;
    const found = readView(search, state, layers);
    setView(found.view);
    setNotes((before) => [...before, ...found.notes.map((text) => ({ text }))]);
  }, [state, models, layers]);

  const id = state?.id ?? null;
  useEffect(() => {
    if (id === null || fresh.current !== key) return;
    fresh.current = null;
    write(`/g/${id}`, { replace: true });
  }, [id, key, write]);

  // Until a run has an address, the page is at its recipe: a link to the result before it still leads there.
  const begin = (started: string, made: Settings) => {
    write(`/?${writeRecipe(made, models)}`);
    fresh.current = started;
    unread.current = null;
    setKey(started);
    setView(firstView);
    setNotes(noNotes);
  };
  const generate = () => {
    const next = settings.isLocked ? settings : { ...settings, seed: newSeed() };
    setSettings(next);
    const started = runs.start(toInput(next, models));
    begin(started, next);
    return started;
  };
  const change = (next: Settings) => {
    fresh.current = null;
    setSettings(next);
    const isRecipe = path === '/';
    write(`/?${writeRecipe(next, models)}`, { replace: isRecipe, isLater: true });
  };
  const look = useCallback(
    (part: Partial<View>) => {
      setView((before) => {
        const next = { ...before, ...part };
        const shown = key === null ? null : runs.state(key);
        if (shown?.id != null && resultIn(path) === shown.id) {
          write(`/g/${shown.id}${writeView(next, shown)}`, { replace: true, isLater: true });
        }
        return next;
      });
    },
    [key, path, write],
  );
  const again = () => {
    const started = key === null ? null : runs.again(key);
    if (started !== null) begin(started, settings);
    else if (id === null && key !== null) runs.show(key);
  };
  const problems = useMemo(() => problemsOf(state), [state]);
  return {
    ...{ settings, change, generate, again, problems },
    ...{ key, state, view, look, notes },
    dismiss: () => setNotes(noNotes),
    fork: () => write(`/?${writeRecipe(settings, models)}`),
    stopping: useStoppable(key),
    resultPath: resultIn(path),
  };
}

/**
 * The run that Stop ends: the one on the stage, else the newest that goes on; null where none does. Beside one that could
 * not be sent, Stop would seem to be that of this one: the list of runs ends the others.
 */
function useStoppable(key: string | null): string | null {
  const started = useStarted();
  const state = useRun(key ?? noRun);
  if (key !== null && state && isBusy(state)) return key;
  if (state?.status === 'failed' && state.id === null) return null;
  return started.find((one) => isBusy(runs.state(one)!)) ?? null;
}
