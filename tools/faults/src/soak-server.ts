import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { startNode } from './cluster.ts';
import { soak, type SoakReport } from './soak.ts';

/** Mixed load on one server with its embedded database; prints what it held, minute by minute. */
export async function soakFor(seconds: number): Promise<SoakReport> {
  const seed = Number(process.env['TESSERA_FAULTS_SEED'] ?? Date.now() % 1_000_000);
  const folder = mkdtempSync(join(tmpdir(), 'tessera-soak-'));
  const stop = new AbortController();
  console.log(`soak: ${seconds} s of seed ${seed}`);
  const node = await startNode({
    role: 'all',
    name: 'all',
    databasePort: null,
    databaseUrl: String,
    dataDirectory: join(folder, 'data'),
    folder,
  });
  try {
    await node.ready();
    const report = await soak(node, { seconds, seed, disposable: stop.signal });
    for (const { seconds: at, megabytes, handles } of report.samples.filter((_, i) => i % 60 === 0)) {
      console.log(`  ${at.toFixed(0)} s: ${megabytes.toFixed(0)} MB, ${handles} open files`);
    }
    console.log(`  ${JSON.stringify(report.counts)}, growth ${JSON.stringify(report.growth)}`);
    return report;
  } finally {
    stop.abort();
    await node.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
