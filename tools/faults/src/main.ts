import process from 'node:process';
import { faultsOf } from './faults.ts';

const { faults, ...report } = await faultsOf(Number(process.argv[2] ?? 200), true);
console.log(JSON.stringify(report), faults.slice(0, 40));
process.exit(faults.length > 0 ? 1 : 0);
