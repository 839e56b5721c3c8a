import process from 'node:process';
import { isTesseraError } from '@tessera/errors';
import { startServer } from './server.ts';

try {
  const server = await startServer();
  const names = server.host.models().map(({ name }) => name);
  for (const { message } of server.host.problems()) console.error(message);
  console.log(`Tessera is ready: ${server.url} (models: ${names.join(', ') || 'none'}; target: ${server.host.target})`);

  let since: number | null = null;
  const stop = async () => {
    // One press of Ctrl-C may arrive several times: from the terminal and from the programs that started this one.
    if (since !== null && Date.now() - since < 1000) return;
    if (since !== null) process.exit(1);
    since = Date.now();
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
