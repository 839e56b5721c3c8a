import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import pg from 'pg';
import { mountSmallDisk, canMount } from '@tessera/api/testing';
import { startPostgres } from '@tessera/store/testing';
import { runFaults, type FaultsReport } from './run-faults.ts';

/** One run of faults against processes of its own; TESSERA_FAULTS_SEED repeats one. Prints every fault where `verbose`. */
export async function faultsOf(
  rounds: number,
  verbose = process.env['TESSERA_FAULTS_VERBOSE'] === '1',
): Promise<FaultsReport & { readonly seed: number }> {
  const seed = Number(process.env['TESSERA_FAULTS_SEED'] ?? Date.now() % 1_000_000);
  const folder = mkdtempSync(join(tmpdir(), 'tessera-faults-'));
  const server = await startPostgres();
  const disk = canMount ? mountSmallDisk(join(folder, 'data'), 400) : null;
  try {
    const url = new URL(await server.database());
    const urlOf = (port: number): string => {
      url.port = String(port);
      return url.href;
    };
    const port = Number(url.port);
    const lines: string[] = [];
    const print = (line: string): void => void (verbose ? console.log(line) : lines.push(line));
    console.log(`faults: ${rounds} rounds of seed ${seed}`);
    try {
      const postgres = {
        port,
        url: urlOf,
        restart: () => crash(server),
        dropListeners: () => dropListeners(urlOf(port)),
        hang: () => server.hang(),
        wake: () => server.wake(),
      };
      return {
        seed,
        ...(await runFaults({
          rounds,
          leastRestarts: Math.ceil(rounds / 15),
          seed,
          underWay: 50,
          postgres,
          disk,
          folder,
          print,
        })),
      };
    } catch (error) {
      console.log(lines.slice(-20).join('\n'));
      throw error;
    }
  } finally {
    await server.stop();
    disk?.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function crash(server: Awaited<ReturnType<typeof startPostgres>>): Promise<void> {
  await server.kill();
  await server.start();
}

/** Ends the connections that only listen. */
async function dropListeners(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'listen%'");
  } finally {
    await client.end();
  }
}
