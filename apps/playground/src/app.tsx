import { useEffect, useState } from 'react';
import { fetchModels } from './api/operations.ts';
import { onConnection } from './api/transport.ts';
import type { Model } from './api/types.ts';
import logo from './logo.svg';
import { Playground } from './playground.tsx';
import { ErrorNote } from './results/error-note.tsx';

export function App() {
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
      <header className="page-header">
        <img src={logo} alt="" width="28" height="28" />
        <h1>Tessera</h1>
        <p>Images, step by step</p>
      </header>
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
