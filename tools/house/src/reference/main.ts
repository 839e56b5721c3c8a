// npm run reference: writes docs/plugin-reference.md.
import { writeFileSync } from 'node:fs';
import { file, reference } from './reference.ts';

writeFileSync(file, await reference());
