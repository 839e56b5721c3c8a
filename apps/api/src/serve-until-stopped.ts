import process from 'node:process';
import { printable } from '@tessera/errors';
import { refusalOf } from '@tessera/models';
import { log, startTelemetry } from '@tessera/telemetry';
import { defaultOptions, type ServerOptions } from './server-options.ts';
import { startServer, type RunningServer } from './server.ts';

/** Takes the few lines that people asked for: where the server is, and that it stops. All others go to the log. */
export type Print = (line: string) => void;

/** One press of Ctrl-C may arrive several times: from the terminal and from the programs that started this one. */
const ONE_PRESS_MS = 1000;

/**
 * Starts the server of a role, says where it is and what it runs, and serves until SIGINT or SIGTERM; resolves when everything has
 * ended in order. A second signal ends the process at once with exit code 1.
 * @throws TesseraError what `startServer` and `defaultOptions` throw
 */
export async function serveUntilStopped(options: Partial<ServerOptions>, print: Print): Promise<void> {
  const { role = defaultOptions().role } = options;
  const endTelemetry = await startTelemetry(role);
  const server = await startServer({ report: (line) => log.warn(line), ...options, role });
  sayWhatRuns(server, print);
  await new Promise<void>((resolve, reject) => {
    let since: number | null = null;
    const onSignal = (signal: NodeJS.Signals) => {
      if (since !== null && Date.now() - since < ONE_PRESS_MS) return;
      if (since !== null) process.exit(1);
      since = Date.now();
      print(`Tessera is stopping${signal === 'SIGINT' ? '; press again to stop at once' : ''}.`);
      const forget = () => {
        for (const signal of signals) process.off(signal, onSignal);
      };
      server.close().finally(endTelemetry).finally(forget).then(resolve, reject);
    };
    for (const signal of signals) process.on(signal, onSignal);
  });
}

const signals = ['SIGINT', 'SIGTERM'] as const;

function sayWhatRuns({ url, hosts, models: folders, host }: RunningServer, print: Print): void {
  // The models' process has said them where there is one.
  for (const remark of host ? [] : folders.remarks) log.warn(remark);
  for (const { code, message } of folders.pluginProblems()) log.warn({ code }, message);
  for (const { folder, message } of folders.problems()) log.warn(refusalOf(folder, message));
  const names = folders.models().map(({ name }) => printable(name, 120));
  const open = hosts || !url ? '' : '; hosts: any, TESSERA_HOSTS would name them';
  const target = host ? `target: ${host.target}` : 'run by workers';
  print(`Tessera is ready: ${url || 'a worker'} (models: ${names.join(', ') || 'none'}; ${target}${open})`);
}
