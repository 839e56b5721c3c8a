import { useEffect, useState, useSyncExternalStore } from 'react';
import { forgetKey, keyState, onKeyChange } from './api/key.ts';
import { fetchModels, type Model } from './api/operations.ts';
import { onConnection } from './api/tessera.ts';
import { isBusy } from './generation/generation-state.ts';
import { useGenerations } from './generation/use-generations.ts';
import { KeyForm } from './key-form.tsx';
import logo from './logo.svg';
import { ErrorNote } from './results/progress.tsx';
import { Results } from './results/results.tsx';
import { ServerView } from './server/server-view.tsx';
import { SettingsForm } from './settings/settings-form.tsx';
import { readSettings, refusedLabel, toInputs, writeSettings, type Settings } from './settings/settings.ts';

const SERVER = '#server';

export function App() {
  const { key, asks } = useSyncExternalStore(onKeyChange, keyState);
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  const server = hash === SERVER;
  return (
    <>
      <header className="page-header">
        <img src={logo} alt="" width="28" height="28" />
        <h1>Tessera</h1>
        <p>Images, step by step</p>
        <nav>
          {key !== null && (
            <button type="button" onClick={forgetKey}>
              Forget key
            </button>
          )}
          {server ? <a href="#images">Images</a> : <a href={SERVER}>Server</a>}
        </nav>
      </header>
      {asks ? <KeyForm refused={asks === 'refused'} /> : <Views server={server} />}
    </>
  );
}

function Views({ server }: { readonly server: boolean }) {
  return (
    <>
      {server && <ServerView />}
      {/* What runs goes on while one looks at the server. */}
      <div hidden={server}>
        <Images />
      </div>
    </>
  );
}

function Images() {
  const [models, setModels] = useState<readonly Model[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [connected, setConnected] = useState(true);
  const load = () => {
    setError(null);
    fetchModels().then(setModels, (reason: Error) => setError(reason.message));
  };
  useEffect(load, []);
  useEffect(() => onConnection(setConnected), []);
  return (
    <>
      {!connected && (
        <p className="connection" role="status">
          The connection is lost. Trying again; nothing is lost on the server.
        </p>
      )}
      {error && <ErrorNote message={error} retry={load} />}
      {!error && !models && <p className="loading">Loading the models…</p>}
      {models?.length === 0 && (
        <ErrorNote
          message="No model is installed. Put a model folder into models/ and start the server again."
          retry={load}
        />
      )}
      {models && models.length > 0 && <Playground models={models} />}
    </>
  );
}

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
    const address = writeSettings(settings, models, ids.split(' ').filter(Boolean));
    history.replaceState(null, '', `${address}${location.hash}`);
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
