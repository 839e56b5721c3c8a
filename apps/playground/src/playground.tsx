import { useEffect, useState } from 'react';
import type { Model } from './api/types.ts';
import { isBusy } from './generation/generation-state.ts';
import { useGenerations } from './generation/use-generations.ts';
import { Results } from './results/results.tsx';
import { readSettings, refusedLabel, writeSettings } from './settings/address.ts';
import { toInputs, type Settings } from './settings/settings.ts';
import { SettingsForm } from './settings/settings-form.tsx';

/** The form, the pictures, and the address that holds both. */
export function Playground({ models }: { readonly models: readonly Model[] }) {
  const [settings, setSettings] = useState(() => readSettings(new URLSearchParams(location.search), models));
  const [refused, setRefused] = useState(() => refusedLabel(new URLSearchParams(location.search), models));
  const { runs, generate, show, cancel } = useGenerations();
  const [restored, setRestored] = useState(false);

  useEffect(() => {
    const ids = new URLSearchParams(location.search).getAll('generation');
    if (ids.length > 0) show(ids);
    setRestored(true);
  }, [show]);

  const sending = runs.some(({ status }) => status === 'sending');
  const ids = runs.flatMap(({ id }) => id ?? []).join(' ');
  useEffect(() => {
    // Before the first look at the address it must stay as it is; while sending there are no ids to put there yet.
    if (!restored || sending) return;
    history.replaceState(null, '', writeSettings(settings, models, ids.split(' ').filter(Boolean)));
  }, [restored, sending, settings, models, ids]);

  const busy = runs.some(isBusy);
  const change = (changed: Settings) => {
    if (changed.label !== settings.label || changed.models[0] !== settings.models[0]) setRefused(null);
    setSettings(changed);
  };
  const start = () => generate(toInputs(settings, models));
  return (
    <main className="columns">
      <SettingsForm
        models={models}
        settings={settings}
        busy={busy}
        refused={refused}
        onChange={change}
        onGenerate={start}
        onCancel={cancel}
      />
      <Results runs={runs} models={models} onRetry={busy ? undefined : start} />
    </main>
  );
}
