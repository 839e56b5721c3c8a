import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/* node remask.mjs MODEL NEW: the same weights in another folder, drawn by this order. */

const [model, made] = process.argv.slice(2);
if (!made) throw new Error('node remask.mjs MODEL NEW: name a model folder and a new one.');
cpSync(model, made, { recursive: true, errorOnExist: true, force: false });
const path = join(made, 'model.json');
const manifest = JSON.parse(readFileSync(path, 'utf8'));
const order = { plugin: '@tessera-examples/order-remasking', config: {} };
const options = { ...manifest.defaults.options, rounds: 4, share: 0.15 };
writeFileSync(path, JSON.stringify({ ...manifest, order, defaults: { ...manifest.defaults, options } }, null, 2));
