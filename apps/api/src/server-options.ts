import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { TesseraError } from '@tessera/errors';
import type { HostOptions } from '@tessera/host';
import { findConfig, listModelFolders, modelRoots } from '@tessera/models';

export interface ServerOptions extends HostOptions {
  /** Database and images; made if missing, used by one server at a time. */
  readonly dataDirectory: string;
  /** Folder of the built playground. */
  readonly playground: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Address to listen at: 127.0.0.1 is this machine alone, :: every network. */
  readonly address: string;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * What holds where nothing is said: PORT (4000), HOST (127.0.0.1: there are no accounts, so only this machine may ask),
 * TESSERA_CONFIG (the nearest `tessera.config.ts`), TESSERA_DATA (`data/` of the repository), TESSERA_MODELS (`models/`), TESSERA_PLAYGROUND (the built page).
 * @throws TesseraError `port-invalid`
 */
export function defaultOptions(environment: NodeJS.ProcessEnv = process.env): ServerOptions {
  const { PORT = '4000', HOST = '127.0.0.1', TESSERA_DATA, TESSERA_PLAYGROUND } = environment;
  return {
    port: readPort(PORT),
    address: HOST,
    dataDirectory: TESSERA_DATA ?? join(root, 'data'),
    config: findConfig(),
    modelFolders: listModelFolders(modelRoots(root)).map(({ folder }) => folder),
    playground: TESSERA_PLAYGROUND ?? join(root, 'apps/playground/dist'),
  };
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new TesseraError({
    code: 'port-invalid',
    who: 'api',
    got: `PORT=${text}`,
    expected: 'a number from 0 to 65535',
    next: 'Leave PORT out for 4000.',
  });
}
