import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { findInstallation, installationFolder, MANIFEST } from '../installation.ts';
import { placeStandIns } from '../stand-ins.ts';
import { buildBinding } from './build-binding.ts';
import { download, type Progress } from './download.ts';
import { findTool, runTool } from './run-tool.ts';
import { CUDA_PACKAGES, HEADERS, KERNELS, VERSION, wheelFor, type Variant, type WheelSource } from './sources.ts';
import { verifyBinding } from './verify-binding.ts';

export interface SetupRequest {
  readonly variant: Variant;
  /** One line for each thing done. */
  readonly say: (line: string) => void;
  readonly progress: Progress;
}

interface Setup extends SetupRequest {
  readonly folder: string;
  readonly python: string;
}

const BINDING = 'tfjs_binding.node';

/**
 * Puts TensorFlow into the user's cache: wheel, kernels, headers, binding. Each part that is there already is kept.
 * @throws TesseraError `tool-missing`, `tool-failed`, `download-failed`, `checksum-mismatch`, `platform-unsupported`
 */
export async function setupTensorFlow(request: SetupRequest): Promise<void> {
  const { variant, say } = request;
  const folder = installationFolder();
  const platform = `${process.platform}-${process.arch}`;
  const wheel = wheelFor(platform, variant);
  const known = findInstallation();
  if (known?.version === VERSION && known.variant === variant) {
    const { isOnGpu } = await verifyBinding(known.binding);
    return done(say, { folder, variant, isOnGpu, verb: 'is there already and works' });
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
  rmSync(join(folder, MANIFEST), { force: true }); // until the end this is half a setup
  mkdirSync(join(folder, 'downloads'), { recursive: true });
  const setup = { ...request, folder, python };
  const tensorFlow = await placeWheel(setup, wheel);
  if (variant === 'gpu') await placeCuda(setup);
  const kernels = await placePackage(setup, KERNELS);
  const headers = await placePackage(setup, HEADERS);
  const binding = join(folder, BINDING);
  say(`building the binding with ${compiler}`);
  await buildBinding({ compiler, tensorFlow, kernels, headers }, binding);
  placeStandIns(kernels);
  const { version, isOnGpu } = await verifyBinding(binding);
  const manifest = { version, variant, platform, binding: BINDING, kernels: basename(kernels) };
  writeFileSync(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  rmSync(join(folder, 'downloads'), { recursive: true, force: true });
  done(say, { folder, variant, isOnGpu, verb: 'is set up and works' });
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
async function placePackage({ folder, say }: Setup, spec: string): Promise<string> {
  const place = join(folder, spec.replace('/', '-').replace(/^@/, ''));
  if (existsSync(place)) return place;
  say(`fetching ${spec}`);
  const downloads = join(folder, 'downloads');
  const args = ['pack', spec, '--ignore-scripts', '--silent', '--pack-destination', downloads];
  const tarball = (await runTool('npm', args, folder)).trim().split('\n').at(-1)!;
  const unfinished = `${place}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished);
  await runTool('tar', ['-xzf', join(downloads, tarball), '-C', unfinished, '--strip-components=1'], folder);
  renameSync(unfinished, place);
  return place;
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
  say(`undo:  rm -r ${folder}`);
}
