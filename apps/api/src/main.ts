import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { isTesseraError } from '@tessera/errors';
import { listModelFolders, modelRoots } from '@tessera/models';
import { startServer } from './server.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What the environment may choose. HOST is this machine alone by default: there are no accounts. */
const { PORT = '4000', HOST = '127.0.0.1', TESSERA_DATA, TESSERA_PLAYGROUND } = process.env;

try {
  const server = await startServer({
    port: Number(PORT),
    address: HOST,
    dataDirectory: TESSERA_DATA ?? join(root, 'data'),
    modelFolders: listModelFolders(modelRoots(root)).map(({ folder }) => folder),
    playground: TESSERA_PLAYGROUND ?? join(root, 'apps/playground/dist'),
  });
  const names = server.host.models().map(({ name }) => name);
  for (const { message } of server.host.problems()) console.error(message);
  console.log(`Tessera is ready: ${server.url} (models: ${names.join(', ') || 'none'}; target: ${server.host.target})`);

  let stopping = false;
  const stop = async () => {
    if (stopping) process.exit(1);
    stopping = true;
    console.log('Tessera is stopping; press again to stop at once.');
    await server.close();
    process.exit(0);
  };
  process.on('SIGINT', () => void stop());
  process.on('SIGTERM', () => void stop());
} catch (error) {
  console.error(isTesseraError(error) ? error.message : error);
  process.exitCode = 1;
}
