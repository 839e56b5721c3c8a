import { useEffect, useState } from 'react';
import type { Model } from '../api/operations.ts';
import { onConnection } from '../api/tessera.ts';
import { loadModels, useModels } from '../api/use-models.ts';
import { ErrorNote } from '../results/progress.tsx';
import { Results } from '../results/results.tsx';
import { isBusy } from '../runs/generation-state.ts';
import { useGenerations } from '../runs/use-generations.ts';
import { SettingsForm } from '../settings/settings-form.tsx';
import { readSettings, refusedLabel, toInputs, writeSettings, type Settings } from '../settings/settings.ts';

/** The form, and the pictures that it makes. */
export function CreateRoom({ isShown }: { readonly isShown: boolean }) {
  const { models, error } = useModels();
  const [connected, setConnected] = useState(true);
  useEffect(() => onConnection(setConnected), []);
  return (
    <>
      {!connected && (
        <p className="connection" role="status">
          The connection is lost. Trying again; nothing is lost on the server.
        </p>
      )}
      {error && <ErrorNote message={error} retry={loadModels} />}
      {!error && !models && <p className="loading">Loading the models…</p>}
      {models?.length === 0 && (
        <ErrorNote
          message="No model is installed. Put a model folder into models/ and start the server again."
          retry={loadModels}
        />
      )}
      {models && models.length > 0 && <Playground models={models} isShown={isShown} />}
    </>
  );
}

/** The form, the pictures, and the address that holds both. */
function Playground({ models, isShown }: { readonly models: readonly Model[]; readonly isShown: boolean }) {
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
    if (!restored || sending || !isShown) return;
    const address = writeSettings(settings, models, ids.split(' ').filter(Boolean));
    history.replaceState(null, '', `/${address}`);
  }, [restored, sending, isShown, settings, models, ids]);

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
