import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { findInstallation, installationFolder, MANIFEST } from './installation.ts';
import { bindingFile } from './binding.ts';
import { placeStandIns } from './binding.ts';
import { buildBinding } from './binding.ts';
import { download, type DownloadProgress } from '@tessera/node-kit';
import { lock } from './lock.ts';
import { findTool, runTool } from './tools.ts';
import {
  CUDA_PACKAGES,
  HEADERS,
  KERNELS,
  VERSION,
  wheelFor,
  type PackageSource,
  type Variant,
  type WheelSource,
} from './sources.ts';
import { verifyBinding } from './binding.ts';

export interface SetupRequest {
  readonly variant: Variant;
  /** One line for each thing done. */
  readonly say: (line: string) => void;
  readonly progress: DownloadProgress;
}

interface Setup extends SetupRequest {
  readonly folder: string;
  readonly python: string;
}

/**
 * Puts TensorFlow into the user's cache: wheel, kernels, headers, binding. Each part that is there already is kept, unless
 * the whole turns out to be broken.
 * @throws TesseraError `setup-running`, `tool-missing`, `tool-failed`, `download-failed`, `checksum-mismatch`, `platform-unsupported`
 */
export async function setupTensorFlow(request: SetupRequest): Promise<void> {
  const { variant, say } = request;
  const folder = installationFolder();
  const platform = `${process.platform}-${process.arch}`;
  const wheel = wheelFor(platform, variant);
  const known = findInstallation();
  let isBroken = false;
  if (known?.version === VERSION && known.variant === variant) {
    try {
      const { isOnGpu } = await verifyBinding(known.binding);
      return done(say, { folder, variant, isOnGpu, verb: 'is there already and works' });
    } catch (error) {
      isBroken = true;
      say(`the installation is damaged and is repaired: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const python = await findTool(
    [
      ['python3', '-m', 'pip', '--version'],
      ['python', '-m', 'pip', '--version'],
    ],
    {
      what: 'Python with pip',
      next: 'Install Python 3 and pip (on Debian: apt install python3-pip).',
    },
  );
  const compiler = await findTool(compilers(), {
    what: 'C++ compiler',
    next: 'Install one (on Debian: apt install g++; on macOS: xcode-select --install) or name it by CXX.',
  });
  for (const name of ['npm', 'tar']) {
    await findTool([[name, '--version']], { what: name, next: `Install ${name}.` });
  }
  mkdirSync(join(folder, 'downloads'), { recursive: true });
  const unlock = lock(join(folder, 'setup.lock'));
  try {
    await placeAll({ ...request, folder, python }, { wheel, platform, compiler, isBroken });
  } finally {
    unlock();
  }
}

interface Parts {
  readonly wheel: WheelSource;
  readonly platform: string;
  readonly compiler: string;
  /** Something that has been unpacked may be broken. */
  readonly isBroken: boolean;
}

/**
 * What was in use stays in use until all else is there and works: the manifest is replaced last. What has been unpacked
 * is put aside only where a new binding does not repair a damaged installation.
 */
async function placeAll(setup: Setup, parts: Parts): Promise<void> {
  const { folder, say } = setup;
  if (!parts.isBroken) return place(setup, parts);
  try {
    return await place(setup, parts);
  } catch (error) {
    say(`a new binding did not repair it: ${error instanceof Error ? error.message : String(error)}`);
  }
  const places = unpacked(folder, parts.wheel).filter(existsSync);
  for (const path of places) {
    rmSync(`${path}.old`, { recursive: true, force: true });
    renameSync(path, `${path}.old`);
  }
  try {
    await place(setup, parts);
  } catch (error) {
    for (const path of places) if (!existsSync(path)) renameSync(`${path}.old`, path);
    throw error;
  } finally {
    for (const path of places) rmSync(`${path}.old`, { recursive: true, force: true });
  }
}

async function place(setup: Setup, { wheel, platform, compiler }: Parts): Promise<void> {
  const { folder, variant, say } = setup;
  const tensorFlow = await placeWheel(setup, wheel);
  if (variant === 'gpu') await placeCuda(setup);
  const kernels = await placePackage(setup, KERNELS);
  const headers = await placePackage(setup, HEADERS);
  const unverified = join(folder, 'unverified.node');
  say(`building the binding and our own ops with ${compiler}`);
  const { version, isOnGpu } = await buildBinding({ compiler, tensorFlow, kernels, headers }, unverified)
    .then(() => verifyBinding(unverified))
    .catch((error: unknown) => {
      rmSync(unverified, { force: true });
      throw error;
    });
  placeStandIns(kernels);
  renameSync(unverified, join(folder, bindingFile(variant)));
  const manifest = { version, variant, platform, kernels: basename(kernels) };
  const unfinished = join(folder, `${MANIFEST}.part`);
  writeFileSync(unfinished, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(unfinished, join(folder, MANIFEST));
  rmSync(join(folder, 'downloads'), { recursive: true, force: true });
  done(say, { folder, variant, isOnGpu, verb: 'is set up and works' });
}

/** What a setup unpacks. */
function unpacked(folder: string, { project }: WheelSource): readonly string[] {
  return [`${project}-${VERSION}`, ...[KERNELS, HEADERS].map(placeName)].map((name) => join(folder, name));
}

function placeName({ spec }: PackageSource): string {
  return spec.replace('/', '-').replace(/^@/, '');
}

function compilers(): (readonly [string, string])[] {
  const named = process.env['CXX'];
  return (named ? [named] : ['g++', 'c++', 'clang++']).map((name) => [name, '--version'] as const);
}

/** The libraries and headers of the wheel, unpacked; gives TensorFlow's own folder. */
async function placeWheel(setup: Setup, source: WheelSource): Promise<string> {
  const { folder, python, say, progress } = setup;
  const place = join(folder, `${source.project}-${VERSION}`);
  const home = join(place, 'tensorflow');
  if (existsSync(home)) return home;
  const url = await wheelUrl(setup, source);
  const file = join(folder, 'downloads', basename(new URL(url).pathname));
  say(`fetching ${basename(file)}`);
  await download({ url, sha256: source.sha256, file }, progress);
  say('its sha256 is right; unpacking its libraries and headers');
  const unfinished = `${place}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  await runTool(python, ['-c', UNPACK, file, unfinished], folder);
  renameSync(unfinished, place);
  return home;
}

/** All of a wheel but Python and its modules. */
const UNPACK = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = [n for n in wheel.namelist() if n.startswith(('tensorflow/include/', 'tensorflow/libtensorflow'))]
    wheel.extractall(sys.argv[2], names)
`;

/** pip knows the index that this user has configured. */
async function wheelUrl({ python, folder }: Setup, { project, platform }: WheelSource): Promise<string> {
  const request = ['--python-version', '3.11', '--platform', platform, '--target', join(folder, 'nowhere')];
  const args = ['--dry-run', '--quiet', '--report', '-', '--no-deps', '--ignore-installed', '--only-binary=:all:'];
  const report = await runTool(python, ['-m', 'pip', 'install', ...args, ...request, `${project}==${VERSION}`], folder);
  const { install } = JSON.parse(report) as { install: { download_info: { url: string } }[] };
  const url = install[0]?.download_info.url;
  if (url?.startsWith('http')) return url;
  throw new TesseraError({
    code: 'download-failed',
    who: `${project} ${VERSION}`,
    got: `the place ${String(url)} from pip`,
    expected: 'an address of the web',
    next: 'Look at the index and the links that pip is configured with.',
  });
}

/** Beside `tensorflow`, where its libraries look for them. */
async function placeCuda({ folder, python, say }: Setup): Promise<void> {
  say('fetching CUDA with pip');
  const place = join(folder, `tensorflow-${VERSION}`);
  const args = ['--quiet', '--no-deps', '--only-binary=:all:', '--upgrade', '--target', place];
  await runTool(python, ['-m', 'pip', 'install', ...args, ...CUDA_PACKAGES], folder);
}

/** A package of npm by itself: no dependencies, no scripts. Above all no second copy of tfjs. */
async function placePackage({ folder, say }: Setup, source: PackageSource): Promise<string> {
  const { spec, sha512 } = source;
  const place = join(folder, placeName(source));
  if (existsSync(place)) return place;
  say(`fetching ${spec}`);
  const downloads = join(folder, 'downloads');
  const args = ['pack', spec, '--ignore-scripts', '--silent', '--pack-destination', downloads];
  const tarball = join(downloads, (await runTool('npm', args, folder)).trim().split('\n').at(-1)!);
  const found = createHash('sha512').update(readFileSync(tarball)).digest('base64');
  if (found !== sha512) throw otherChecksum(spec, found, sha512);
  const unfinished = `${place}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished);
  await runTool('tar', ['-xzf', tarball, '-C', unfinished, '--strip-components=1'], folder);
  renameSync(unfinished, place);
  return place;
}

function otherChecksum(spec: string, found: string, expected: string): TesseraError {
  return new TesseraError({
    code: 'checksum-mismatch',
    who: spec,
    got: `sha512 ${found}`,
    expected,
    next: 'Do not trust the registry that npm uses.',
  });
}

interface Done {
  readonly folder: string;
  readonly variant: Variant;
  readonly isOnGpu: boolean;
  readonly verb: string;
}

function done(say: SetupRequest['say'], { folder, variant, isOnGpu, verb }: Done): void {
  say(`TensorFlow ${VERSION} (${variant}) ${verb}; it computes on the ${isOnGpu ? 'GPU' : 'CPU'}`);
  if (variant === 'gpu' && !isOnGpu) say('no GPU was found: look at nvidia-smi, or set up without --gpu');
  say(`where: ${folder}`);
  say(`undo:  rm -r '${folder}'`);
}
