#!/usr/bin/env node
// Starts the command: from its TypeScript sources inside the repository, from dist once published.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/main.ts', import.meta.url);
const [flags, entry] = existsSync(source)
  ? [['--conditions=@tessera/source', '--import', import.meta.resolve('tsx')], source]
  : [[], new URL('../dist/main.js', import.meta.url)];

const child = spawn(process.execPath, [...flags, fileURLToPath(entry), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ORT_DISABLE_TELEMETRY: '1', ...process.env },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
