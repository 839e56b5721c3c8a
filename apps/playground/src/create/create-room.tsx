import { useEffect, useState } from 'react';
import { onConnection } from '../api/tessera.ts';
import { loadModels } from '../api/models.ts';
import { useModels } from '../api/use-models.ts';
import { ErrorNote } from '../error-note.tsx';
import { Workbench } from './workbench.tsx';

/** Where images are made and looked at. */
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
      {error !== null && <ErrorNote message={error} retry={loadModels} />}
      {error === null && !models && <p className="loading">Loading the models…</p>}
      {models?.length === 0 && (
        <ErrorNote
          message="No model is installed. Put a model folder into models/ and start the server again."
          retry={loadModels}
        />
      )}
      {models && models.length > 0 && <Workbench models={models} isShown={isShown} />}
    </>
  );
}
