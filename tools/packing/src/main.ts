// npm run pack -- DIR: the tarballs that a project outside of this repository installs.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { pack } from './pack.ts';
import { command, packables } from './workspace.ts';

const [directory, ...rest] = process.argv.slice(2);
if (directory === undefined || rest.length > 0) {
  console.error('[pack] got no single directory; expected npm run pack -- DIR, where the tarballs are written.');
  process.exit(2);
}
// npm runs scripts in the root of the repository; INIT_CWD is where it was called.
const into = resolve(process.env['INIT_CWD'] ?? '.', directory);
mkdirSync(into, { recursive: true });
const { size } = pack([...packables('packages'), ...command], into);
console.log(`${size} tarballs are in ${into}. docs/plugins.md, "Outside of this repository", says how to use them.`);
