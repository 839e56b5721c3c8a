import { useEffect, useSyncExternalStore } from 'react';
import { loadModels, modelsNow, onModels, type Models } from './models.ts';

/** The server's models, asked for once for all rooms. */
export function useModels(): Models {
  useEffect(() => {
    if (modelsNow().models === null) loadModels();
  }, []);
  return useSyncExternalStore(onModels, modelsNow);
}
