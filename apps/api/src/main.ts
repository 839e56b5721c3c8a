import process from 'node:process';
import { isTesseraError } from '@tessera/errors';
import { serveUntilStopped } from './serve-until-stopped.ts';

try {
  await serveUntilStopped({}, { out: console.log, err: console.error });
  process.exit(0);
} catch (error) {
  console.error(isTesseraError(error) ? error.message : error);
  process.exitCode = 1;
}
