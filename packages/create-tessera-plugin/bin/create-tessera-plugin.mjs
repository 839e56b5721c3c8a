#!/usr/bin/env node
// Node built-ins only: npm fetches this package each time, and nothing else with it.
import { runCreate } from '../dist/index.js';

process.exitCode = runCreate(process.argv.slice(2), { into: process.cwd() });
