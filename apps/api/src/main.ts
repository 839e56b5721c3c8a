import process from 'node:process';
import { inspect } from 'node:util';
import { isTesseraError, describeRejection, printable, printableLines } from '@tessera/errors';
import { serveUntilStopped } from './serve-until-stopped.ts';

// A promise that a plug-in left alone must not end what others do.
process.on('unhandledRejection', (error) => console.error(describeRejection(error)));

try {
  const out = (line: string) => console.log(printable(line, Infinity));
  const err = (line: string) => console.error(printable(line, Infinity));
  await serveUntilStopped({}, { out, err });
  process.exit(0);
} catch (error) {
  console.error(isTesseraError(error) ? error.message : printableLines(inspect(error)));
  process.exitCode = 1;
}
