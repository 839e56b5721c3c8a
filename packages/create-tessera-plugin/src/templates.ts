import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kinds, type KindName } from './kinds.ts';

/** What new packages begin as, and the versions that they ask for. */
export interface Templates {
  /** Sources of the example of each kind, and what it tells the conformance kit, by path: `src/index.ts`. */
  readonly sources: Readonly<Record<KindName, Readonly<Record<string, string>>>>;
  /** Of this package, and so of all of Tessera's. */
  readonly tessera: string;
  /** Of tools, as this repository uses them. */
  readonly tools: Readonly<Record<string, string>>;
}

const built = fileURLToPath(new URL('./templates.json', import.meta.url));

/** From what the build has written beside this file; in the repository from the examples. */
export function readTemplates(): Templates {
  if (existsSync(built)) return JSON.parse(readFileSync(built, 'utf8')) as Templates;
  return templatesIn(fileURLToPath(new URL('../../..', import.meta.url)));
}

interface Manifest {
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** From the examples of a clone. */
export function templatesIn(root: string): Templates {
  const { version, devDependencies: own } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const sources = Object.entries(kinds).map(([kind, { example }]) => {
    const folder = join(root, 'examples', example);
    const code = readdirSync(join(folder, 'src')).filter((file) => file.endsWith('.ts'));
    const files = [...code.map((file) => `src/${file}`), 'conformance.json'];
    return [kind, Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]))];
  });
  return {
    sources: Object.fromEntries(sources) as Templates['sources'],
    tessera: version,
    tools: {
      '@types/node': own['@types/node']!,
      tsx: own['tsx']!,
      // An alias of npm: `npm:typescript@7.0.2`.
      typescript: own['@typescript/native']!.split('@').at(-1)!,
      vitest: own['vitest']!,
    },
  };
}
