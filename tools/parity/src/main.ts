import { parity } from './parity.ts';

process.exitCode = await parity(process.argv.slice(2), (line) => console.log(line));
