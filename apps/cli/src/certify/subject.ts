import { existsSync, realpathSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installInto } from './install.ts';
import { installed, readManifest, refusal } from './installed.ts';
import { packageSpec } from '../package-spec.ts';

/** A package that is to be certified, where its code can be imported. Nothing of it has run. */
export interface Subject {
  readonly name: string;
  readonly version: string | null;
  /** Its folder. */
  readonly folder: string;
  /** A module that exports the package as `subject`, and `define`, `conformance` and `tfjs` of the plug-in kit that it uses. */
  readonly entry: string;
  /** Of that plug-in kit. */
  readonly kit: string;
  dispose(): Promise<void>;
}

/**
 * Finds what is meant: a folder with a package, a tarball of one, or a package by its name: as it is installed here, or, with a
 * version or where it is not installed, as the registry has it. Tarballs and packages go to a temporary folder.
 * @throws TesseraError `certify-subject`, `npm-failed`, `peer-missing`
 */
export async function openSubject(named: string, say: (line: string) => void): Promise<Subject> {
  const work = await mkdtemp(join(tmpdir(), 'tessera-certify-'));
  const dispose = () => rm(work, { recursive: true, force: true });
  try {
    const found = folderOf(named);
    const { name, version } = found ? readManifest(found) : await installInto(work, specOf(named), say);
    const folder = realpathSync(found ?? join(work, 'node_modules', name));
    const kit = installed(KIT, folder) ?? dirname(require.resolve(`${KIT}/package.json`));
    // The banner of tfjs is no part of a report.
    const tfjs = installed(TFJS, realpathSync(kit));
    await link(work, { [name]: folder, [KIT]: kit, ...(tfjs && { [TFJS]: tfjs }) });
    const entry = await writeEntry(work, { subject: name, ...kitModules, ...(tfjs && { tfjs: TFJS }) });
    return { name, version, folder, entry, kit: readManifest(kit).version ?? 'unknown', dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The folder that is meant; null for what has to be unpacked or fetched. */
function folderOf(named: string): string | null {
  const path = resolve(named);
  if (existsSync(path) && statSync(path).isDirectory()) return path;
  if (existsSync(path) || packageSpec(named) !== named) return null;
  return installed(named, process.cwd());
}

/** What npm takes: the path of a tarball, or a package with a version or without. @throws TesseraError `certify-subject` */
function specOf(named: string): string {
  const path = resolve(named);
  if (existsSync(path) && /\.(tgz|tar\.gz)$/.test(path)) return path;
  if (!existsSync(path) && packageSpec(named) !== null) return named;
  throw refusal(named, existsSync(path) ? 'a file that is no .tgz' : 'nothing of this name');
}

const require = createRequire(import.meta.url);

const KIT = '@tessera/plugin-kit';
const TFJS = '@tensorflow/tfjs';

/** Exports of the entry, and the modules that they are. */
const kitModules = { define: KIT, conformance: `${KIT}/conformance` };

/** Puts folders of packages where the entry imports them by their names. */
async function link(work: string, folders: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, folder] of Object.entries(folders)) {
    const place = join(work, 'node_modules', name);
    if (existsSync(place)) continue;
    await mkdir(dirname(place), { recursive: true });
    await symlink(realpathSync(folder), place, 'junction');
  }
}

/** Node resolves the imports as it does those of any program. */
async function writeEntry(work: string, modules: Readonly<Record<string, string>>): Promise<string> {
  const path = join(work, 'entry.mjs');
  await writeFile(
    path,
    Object.entries(modules).map(([as, name]) => `export * as ${as} from '${name}';\n`),
  );
  return pathToFileURL(path).href;
}
