// The last step of the build: what the published package makes new packages of.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { templatesIn } from './templates.ts';

const templates = templatesIn(join(import.meta.dirname, '../../..'));
writeFileSync(join(import.meta.dirname, 'templates.json'), JSON.stringify(templates));
