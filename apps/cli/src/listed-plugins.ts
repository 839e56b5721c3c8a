import { readFile, rename, writeFile } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';

/** A configuration with more plug-ins. */
interface Listed {
  readonly text: string;
  /** Packages that are new in it. */
  readonly lines: readonly string[];
}

export function newConfig(names: readonly string[]): string {
  return `export const config = { plugins: [${names.map((name) => `'${name}'`).join(', ')}] };\n`;
}

/**
 * The text of a configuration that names these packages too: as strings, at the head of its one list `plugins: [`.
 * @throws TesseraError `config-unclear` where there is not exactly one such list: what is code is not guessed
 */
export async function listIn(file: string, names: readonly string[]): Promise<Listed> {
  const text = await readFile(file, 'utf8');
  const missing = names.filter((name) => !text.includes(`'${name}'`) && !text.includes(`"${name}"`));
  if (missing.length === 0) return { text, lines: [] };
  const places = [...text.matchAll(/^(?!\s*(?:\/\/|\*)).*?\bplugins\s*:\s*\[/gm)];
  if (places.length !== 1) {
    const strings = missing.map((name) => `'${name}'`).join(', ');
    throw new TesseraError({
      code: 'config-unclear',
      who: file,
      got: places.length === 0 ? 'no list plugins: [' : 'several lists plugins: [',
      expected: 'one, to which packages can be added',
      next: `Add ${strings} to its plugins yourself, and install with npm.`,
    });
  }
  const [{ 0: found, index }] = places as [RegExpExecArray];
  const at = index + found.length;
  const rest = text.slice(at);
  const separator = /^\s*\]/.test(rest) ? '' : ', ';
  return {
    text: `${text.slice(0, at)}${missing.map((name) => `'${name}'`).join(', ')}${separator}${rest.replace(/^ +/, '')}`,
    lines: missing,
  };
}

/** The whole file or nothing. */
export async function writeConfig(file: string, text: string): Promise<void> {
  await writeFile(`${file}.part`, text);
  await rename(`${file}.part`, file);
}
