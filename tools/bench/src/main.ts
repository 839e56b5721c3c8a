import process from 'node:process';
import { bench } from './bench.ts';

process.exitCode = await bench(process.argv.slice(2), (line) => console.log(line));
