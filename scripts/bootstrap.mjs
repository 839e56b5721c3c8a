// Installs what is missing, then runs a tool of this repository: node scripts/bootstrap.mjs turbo run test
// Node built-ins only: this runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Tessera needs Node 20.19 or newer; this is ${process.version}. Install a newer Node and run the same command.`,
  );
  process.exit(1);
}

// What a file of npm's says about each package; node_modules has one of its own, written when everything is in place.
function packagesOf(...path) {
  return JSON.parse(readFileSync(join(root, ...path), 'utf8')).packages;
}

function fits(allowed, own) {
  if (!allowed) return true;
  return allowed.every((name) => name.startsWith('!')) ? !allowed.includes(`!${own}`) : allowed.includes(own);
}

// Every package of the lock file is installed in its version, whichever npm did it. npm leaves out optional ones of
// other machines; those in a node_modules that came from another machine are no use here.
function isInstalled() {
  try {
    const { '': _root, ...wanted } = packagesOf('package-lock.json');
    const found = packagesOf('node_modules', '.package-lock.json');
    const same = ([path, { version, integrity, optional }]) =>
      path in found ? found[path].version === version && found[path].integrity === integrity : optional === true;
    const runsHere = ({ os, cpu }) => fits(os, process.platform) && fits(cpu, process.arch);
    return Object.entries(wanted).every(same) && Object.values(found).every(runsHere);
  } catch {
    return false;
  }
}

if (!isInstalled()) {
  console.log('Installing dependencies (npm ci): about a minute the first time, nothing to do after that ...');
  const npm = process.env.npm_execpath;
  // The tools are development dependencies: also where NODE_ENV=production would leave them out.
  const install = ['ci', '--include=dev'];
  const [command, args] = npm?.endsWith('.js') ? [process.execPath, [npm, ...install]] : ['npm', install];
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: command === 'npm' && process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error(
      'npm ci failed (see above). Check the connection to your npm registry and run the same command again.',
    );
    process.exit(result.status ?? 1);
  }
}

const [tool, ...args] = process.argv.slice(2);
const child = spawn(join(root, 'node_modules', '.bin', tool), args, {
  cwd: root,
  stdio: 'inherit',
  shell: process.platform === 'win32',
  env: {
    ...process.env,
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
    NX_DAEMON: 'false',
    ORT_DISABLE_TELEMETRY: '1',
  },
});
child.on('error', (error) => {
  console.error(`${tool} did not start (${error.message}). Delete node_modules and run the same command again.`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
process.on('SIGTERM', () => child.kill('SIGTERM'));
// npm's shell does not hand SIGTERM on, it dies of it: then this process has another parent.
const parent = process.ppid;
setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 500).unref();
// Ctrl-C in a terminal reaches the tool by itself; a second SIGINT would be a second press.
process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
