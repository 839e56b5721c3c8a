import { spawn } from 'node:child_process';
import { existsSync, realpathSync, readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseJson, TesseraError } from '@tessera/errors';
import { shellWord } from '../terminal.ts';
import { installed, readManifest } from './installed.ts';

/** What certify asks of npm: no script of a package runs, and peers are those of this command. */
const flags = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--loglevel=error'];

/** Installs a tarball or a package into an empty folder. @throws TesseraError `npm-failed`, `peer-missing` */
export async function installInto(work: string, spec: string, say: (line: string) => void) {
  await writeFile(join(work, 'package.json'), '{ "private": true }\n');
  await runNpm(['install', ...flags, spec], { folder: work, say });
  const { dependencies = {} } = JSON.parse(readFileSync(join(work, 'package.json'), 'utf8')) as Manifest;
  const [name] = Object.keys(dependencies);
  await linkPeers(work);
  return readManifest(join(work, 'node_modules', name!));
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface RunNpm {
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** Runs npm and says so first. @throws TesseraError `npm-failed` */
export async function runNpm(args: readonly string[], { folder, say }: RunNpm): Promise<void> {
  say(`In ${folder}: npm ${args.map(shellWord).join(' ')}`);
  const { said, code } = await new Promise<{ readonly said: string; readonly code: number | null }>((done) => {
    const shell = process.platform === 'win32';
    const npm = spawn('npm', [...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], shell });
    const lines: string[] = [];
    for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (chunk: Buffer) => lines.push(String(chunk)));
    npm.on('error', (error) => done({ said: error.message, code: null }));
    npm.on('close', (ended) => done({ said: lines.join(''), code: ended }));
  });
  if (code === 0) return;
  const reason =
    said.split('\n').find((line) => /^npm error (?!code|errno)\S/.test(line)) ?? said.trim().split('\n')[0] ?? '';
  throw new TesseraError({
    code: 'npm-failed',
    who: `npm ${args[0]}`,
    got: reason.replace(/^npm error /, '') || `exit code ${code}`,
    expected: `it to install ${args.at(-1)}`,
    next: 'Check the name, the version, and the network.',
  });
}

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      Manifest & {
        readonly peerDependencies?: Readonly<Record<string, string>>;
        readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
      }
    >
  >;
}

/**
 * Peers are what a project has once: tfjs, and Tessera's own packages. They are those of this command, and what else the
 * folder has in which it runs.
 */
async function linkPeers(work: string): Promise<void> {
  const path = join(work, 'node_modules/.package-lock.json');
  const lock = parseJson(readFileSync(path), { code: 'npm-failed', who: path, expected: 'a lock file' }) as Lock;
  for (const [from, { peerDependencies = {}, peerDependenciesMeta = {} }] of Object.entries(lock.packages)) {
    for (const name of Object.keys(peerDependencies)) {
      const place = join(work, 'node_modules', name);
      if (existsSync(place)) continue;
      const found = installed(name, import.meta.dirname) ?? installed(name, process.cwd());
      if (found === null && peerDependenciesMeta[name]?.optional) continue;
      if (found === null) throw peerMissing(name, from.replace(/^node_modules\//, ''));
      await mkdir(dirname(place), { recursive: true });
      await symlink(realpathSync(found), place, 'junction');
    }
  }
}

function peerMissing(name: string, who: string): TesseraError {
  return new TesseraError({
    code: 'peer-missing',
    who,
    got: `no ${name}, which it has as a peer dependency`,
    expected: 'it to be installed where the command runs',
    next: `npm install ${name}`,
  });
}
