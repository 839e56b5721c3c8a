import process from 'node:process';
import { isTesseraError, nobodyAwaited } from '@tessera/errors';
import { serveUntilStopped } from './serve-until-stopped.ts';

// A promise that a plug-in left alone must not end what others do.
process.on('unhandledRejection', (error) => console.error(nobodyAwaited(error)));

try {
  await serveUntilStopped({}, { out: console.log, err: console.error });
  process.exit(0);
} catch (error) {
  console.error(isTesseraError(error) ? error.message : error);
  process.exitCode = 1;
}
