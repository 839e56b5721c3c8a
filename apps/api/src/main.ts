import process from 'node:process';
import { inspect } from 'node:util';
import { isTesseraError, describeRejection, printable, printableLines } from '@tessera/errors';
import { log } from '@tessera/telemetry';
import { serveUntilStopped } from './serve-until-stopped.ts';

// A promise that a plug-in left alone must not end what others do.
process.on('unhandledRejection', (error) => log.error(describeRejection(error)));

try {
  await serveUntilStopped({}, (line) => console.log(printable(line, Infinity)));
  process.exit(0);
} catch (error) {
  console.error(isTesseraError(error) ? error.message : printableLines(inspect(error)));
  process.exitCode = 1;
}
