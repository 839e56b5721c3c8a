import { basename, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { PRECISION_CHOICES } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { HostOptions } from '@tessera/host';
import { findConfig, listModelFolders, modelRoots } from '@tessera/models';
import { readGuardOptions, type GuardOptions } from './guard/guard-options.ts';
import type { SafeFetch } from './guard/safe-fetch.ts';
import { readUpkeepOptions, type UpkeepOptions } from './upkeep/upkeep-options.ts';
import { readStreamOptions, type StreamOptions } from './subscriptions/stream-options.ts';
import { readWhole } from './read-whole.ts';
import { readRoleOptions, type RoleOptions } from './role-options.ts';
import { readTelemetryOptions, type TelemetryOptions } from './telemetry/telemetry-options.ts';

export interface ServerOptions extends HostOptions, GuardOptions, RoleOptions, TelemetryOptions {
  /** Images, and the database where there is no other; made if missing. Without `databaseUrl` one server uses it at a time. */
  readonly dataDirectory: string;
  /** Folder of the built playground. */
  readonly playground: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Address to listen at: 127.0.0.1 is this machine alone, :: every network. */
  readonly address: string;
  /** Host names that people call this server by, where they are not those of loopback or `address`. */
  readonly hosts: readonly string[];
  /** Pages of other servers that may ask and read the answers: http://localhost:5173. */
  readonly origins: readonly string[];
  readonly streams: StreamOptions;
  readonly upkeep: UpkeepOptions;
  /** How webhooks reach their receivers; https of public addresses alone where it is left out. */
  readonly fetch?: SafeFetch;
}

/** The repository that holds this module; where it is installed in `node_modules`, which are npm's own, the working folder. */
export function homeOf(module: string): string {
  const home = fileURLToPath(new URL('../../../', module));
  return basename(home) === 'node_modules' ? process.cwd() : home;
}

/**
 * What holds where nothing is said: docs/operations.md lists the environment variables.
 * @throws TesseraError `port-invalid`, `hosts-invalid`, `auth-invalid`, `origins-invalid`, `memory-invalid`,
 * `step-limit-invalid`, `threads-invalid`, `precision-unknown`, `stream-limit-invalid`, `models-missing`
 */
export function defaultOptions(environment: NodeJS.ProcessEnv = process.env): ServerOptions {
  const root = homeOf(import.meta.url);
  const { HOST, TESSERA_HOSTS = '', TESSERA_ORIGINS = '', TESSERA_PLAYGROUND } = environment;
  const stepLimit = readWhole(environment, STEP_LIMIT);
  const threads = readWhole(environment, THREADS);
  const batchBytes = readMegabytes(environment, 'TESSERA_BATCH_MB');
  const modelBytes = readMegabytes(environment, 'TESSERA_MODELS_MB');
  return {
    port: readWhole(environment, PORT) ?? 4000,
    // Empty would be every network.
    address: HOST || '127.0.0.1',
    hosts: readHosts(TESSERA_HOSTS),
    origins: readOrigins(TESSERA_ORIGINS),
    ...readGuardOptions(environment),
    streams: readStreamOptions(environment),
    upkeep: readUpkeepOptions(environment),
    ...readRoleOptions(environment),
    ...readTelemetryOptions(environment),
    dataDirectory: dataDirectoryOf(environment),
    config: findConfig(),
    ...(stepLimit !== null && { stepLimit: 1000 * stepLimit }),
    ...(threads !== null && { threads }),
    ...readPrecision(environment),
    modelFolders: listModelFolders(modelRoots(root)).map(({ folder }) => folder),
    playground: TESSERA_PLAYGROUND ?? join(root, 'apps/playground/dist'),
    ...(batchBytes !== null && { batchBytes }),
    ...(modelBytes !== null && { modelBytes }),
  };
}

/** @throws TesseraError `precision-unknown` */
function readPrecision({ TESSERA_PRECISION: text }: NodeJS.ProcessEnv): Pick<ServerOptions, 'precision'> {
  if (!text) return {};
  const precision = PRECISION_CHOICES.find((one) => one === text);
  if (precision) return { precision };
  throw new TesseraError({
    code: 'precision-unknown',
    who: 'api',
    got: `TESSERA_PRECISION=${text.slice(0, 100)}`,
    expected: PRECISION_CHOICES.join(' or '),
    next: 'Leave it out for what each model says.',
  });
}

/** Of the repository, or of the working folder where this is installed. */
export function dataDirectoryOf({ TESSERA_DATA }: NodeJS.ProcessEnv): string {
  return TESSERA_DATA ?? join(homeOf(import.meta.url), 'data');
}

const PORT = { name: 'PORT', code: 'port-invalid', from: 0, to: 65_535, otherwise: '4000' };
const THREADS = {
  name: 'TESSERA_THREADS',
  code: 'threads-invalid',
  from: 1,
  to: 1024,
  unit: 'threads',
  otherwise: 'as many as there are cores',
};
const STEP_LIMIT = {
  name: 'TESSERA_STEP_LIMIT',
  code: 'step-limit-invalid',
  from: 1,
  to: 1_000_000,
  unit: 'seconds',
  otherwise: '120',
};
const MOST_MEGABYTES = Math.floor(Number.MAX_SAFE_INTEGER / 2 ** 20);

/** In bytes; null where it is left out. */
function readMegabytes(environment: NodeJS.ProcessEnv, name: string): number | null {
  const bounds = { code: 'memory-invalid', from: 1, to: MOST_MEGABYTES, unit: 'megabytes' };
  const megabytes = readWhole(environment, { name, ...bounds, otherwise: "a share of the machine's memory" });
  return megabytes === null ? null : megabytes * 2 ** 20;
}

/** As browsers write them in Origin and Host: without port, IPv6 in brackets. */
function readHosts(text: string): string[] {
  const hosts = text
    .toLowerCase()
    .split(',')
    .map((host) => host.trim());
  const wrong = hosts.find((host) => host && !/^([\w.-]+|\[[\da-f:.]+\])$/.test(host));
  if (wrong === undefined) return hosts.filter(Boolean);
  throw new TesseraError({
    code: 'hosts-invalid',
    who: 'api',
    got: `TESSERA_HOSTS=${text.slice(0, 100)}`,
    expected: 'host names separated by commas, without protocol, port and path',
    next: 'Write it like TESSERA_HOSTS=tessera.example,192.0.2.7.',
  });
}

/** As browsers write them in Origin: protocol, host and port, if it is not the protocol's own. */
function readOrigins(text: string): string[] {
  const origins = text
    .split(',')
    .map((origin) => origin.trim().replace(/\/$/, ''))
    .filter(Boolean);
  const wrong = origins.find((origin) => {
    const url = URL.canParse(origin) ? new URL(origin) : null;
    return !/^https?:$/.test(url?.protocol ?? '') || url!.href !== `${url!.origin}/`;
  });
  if (wrong === undefined) return origins.map((origin) => new URL(origin).origin);
  throw new TesseraError({
    code: 'origins-invalid',
    who: 'api',
    got: `TESSERA_ORIGINS=${text.slice(0, 100)}`,
    expected: 'origins of pages separated by commas: protocol, host and port, without a path',
    next: 'Write it like TESSERA_ORIGINS=http://localhost:5173,https://app.example.',
  });
}
