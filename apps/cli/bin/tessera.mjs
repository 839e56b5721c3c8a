#!/usr/bin/env node
// Starts the command: once published from dist, in this process; inside the repository from its TypeScript sources, which
// need flags of Node, so a child. The child sees the end of the channel where this process is killed. TESSERA_BUILT=1 takes
// dist inside the repository too: tests that run after a build.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/main.ts', import.meta.url);
process.env.ORT_DISABLE_TELEMETRY ??= '1';
if (existsSync(source) && process.env.TESSERA_BUILT !== '1') runSources();
else await import(new URL('../dist/main.js', import.meta.url).href);

function runSources() {
  const flags = ['--conditions=@tessera/source', '--import', import.meta.resolve('tsx')];
  const child = spawn(process.execPath, [...flags, fileURLToPath(source), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
