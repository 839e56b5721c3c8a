import { useEffect, useState } from 'react';
import type { Model } from '../api/operations.ts';
import { runs } from '../runs/use-run.ts';
import type { Base } from './base.ts';
import { keepDraft, type Draft } from './draft.ts';
import type { Box } from '../mask/frame.ts';
import { firstModel } from '../settings/first-model.ts';
import { ownSettings } from '../settings/settings.ts';
import { askedSize } from '../settings/sizes.ts';
import type { EditSettings } from './request.ts';

/** Images that one press of Generate made: a run of the page. */
export interface Variants {
  readonly key: string;
  /** Where the picture lay. */
  readonly place: Box;
}

/** What is done with a picture, kept by the browser after every change. */
export function useDraft(base: Base, draft: Draft, models: readonly Model[]) {
  const [history, setHistory] = useState(draft.history);
  const [settings, setSettings] = useState(() => settingsOf(base, draft, models));
  const [variants, setVariants] = useState<readonly Variants[]>(() =>
    draft.made.map(({ id, place }) => ({ key: runs.show(id), place })),
  );
  const [isKept, setKept] = useState(true);
  const ids = useIds(variants);
  useEffect(() => {
    const made = variants.flatMap(({ place }, index) => (ids[index] ? [{ id: ids[index], place }] : []));
    void keepDraft(base.key, { history, settings, made, blob: base.blob }).then(setKept);
  }, [base, history, settings, variants, ids]);
  const addVariants = (added: Variants) => setVariants((before) => [added, ...before]);
  return { history, setHistory, settings, setSettings, variants, addVariants, isKept };
}

/** The server's ids of the runs, where it has said them. */
function useIds(variants: readonly Variants[]): readonly (string | null)[] {
  const [ids, setIds] = useState<readonly (string | null)[]>([]);
  useEffect(() => {
    const read = () => {
      const now = variants.map(({ key }) => runs.state(key)?.id ?? null);
      setIds((before) => (before.join() === now.join() ? before : now));
    };
    read();
    const leave = variants.map(({ key }) => runs.onChange(key, read));
    return () => leave.forEach((one) => one());
  }, [variants]);
  return ids;
}

/** As they were left; else the model that made the picture, and its class, since the rest of it shows that. */
function settingsOf({ made, bitmap }: Base, draft: Draft, models: readonly Model[]): EditSettings {
  const known = (name: string | undefined) => models.find((model) => model.name === name);
  // Drafts of earlier versions of the page have no settings of models.
  if (draft.settings && known(draft.settings.model)) return { ...draft.settings, own: draft.settings.own ?? {} };
  const model = known(made?.model) ?? firstModel(models);
  // A picture of a size that the model makes keeps it.
  const size = `${bitmap.width}x${bitmap.height}`;
  const own = askedSize(size, model) ? { [model.name]: { ...ownSettings({ own: {} }, model), size } } : {};
  return { model: model.name, label: made?.model === model.name ? made.label : -1, count: 4, seed: null, own };
}
