import { useEffect, useState } from 'react';
import type { Model } from './api/types.ts';
import { isBusy } from './generation/generation-state.ts';
import { useGeneration } from './generation/use-generation.ts';
import { Results } from './results/results.tsx';
import { readSettings, toInput, writeSettings } from './settings/settings.ts';
import { SettingsForm } from './settings/settings-form.tsx';

/** The form, the pictures, and the address that holds both. */
export function Playground({ models }: { readonly models: readonly Model[] }) {
  const [settings, setSettings] = useState(() => readSettings(new URLSearchParams(location.search), models));
  const { state, generate, show, cancel } = useGeneration();
  const [restored, setRestored] = useState(false);
  const model = models.find(({ name }) => name === settings.model)!;

  useEffect(() => {
    const id = new URLSearchParams(location.search).get('generation');
    if (id) void show(id);
    setRestored(true);
  }, [show]);

  useEffect(() => {
    // Before the first look at the address it must stay as it is; while sending there is no id to put there yet.
    if (!restored || state.status === 'sending') return;
    history.replaceState(null, '', writeSettings(settings, state.id));
  }, [restored, settings, state.id, state.status]);

  return (
    <main className="columns">
      <SettingsForm
        models={models}
        settings={settings}
        busy={isBusy(state)}
        onChange={setSettings}
        onGenerate={() => void generate(toInput(settings, model))}
        onCancel={() => void cancel()}
      />
      <Results state={state} model={model} onRetry={() => void generate(toInput(settings, model))} />
    </main>
  );
}
