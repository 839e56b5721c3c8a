import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Somewhere that `openBlobs` can open. */
export interface TestServer {
  readonly place: string;
  stop(): Promise<void> | void;
}

interface Kind {
  readonly name: string;
  start(): Promise<TestServer>;
}

/** Built by `go install github.com/versity/versitygw/cmd/versitygw@latest`: a server that people run in production. */
const versitygw = process.env['TESSERA_VERSITYGW'] ?? join(homedir(), 'go/bin/versitygw');

/** Servers of S3 in processes of their own, which the variables of AWS point to once they are started. */
export function s3Servers(root: string): Kind[] {
  const folder = join(root, 's3');
  const rver = (port: number) => {
    const main = join(import.meta.dirname, '../../../../node_modules/s3rver/bin/s3rver.js');
    const address = ['--address', '127.0.0.1', '--port', String(port)];
    const bucket = ['--configure-bucket', 'pictures', '--silent'];
    return [process.execPath, main, '--directory', folder, ...address, ...bucket];
  };
  const versity = (port: number) => {
    mkdirSync(join(folder, 'pictures'), { recursive: true });
    return [versitygw, '--port', `127.0.0.1:${port}`, '--access', KEY, '--secret', KEY, '--quiet', 'posix', folder];
  };
  return [
    { name: 's3rver (npm)', start: () => startS3(rver) },
    ...(existsSync(versitygw) ? [{ name: 'versitygw', start: () => startS3(versity) }] : []),
  ];
}

/** The only one that s3rver takes. */
const KEY = 'S3RVER';

async function startS3(commandAt: (port: number) => string[]): Promise<TestServer> {
  const port = await freePort();
  const [command, ...args] = commandAt(port);
  const child = spawn(command!, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const endpoint = `http://127.0.0.1:${port}`;
  process.env['AWS_ENDPOINT_URL'] = endpoint;
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = KEY;
  for (let tries = 0; !(await answers(endpoint)); tries++) {
    if (tries > 200 || child.exitCode !== null) throw new Error(`${command} does not answer.`);
    await sleep(50);
  }
  return {
    place: 's3://pictures/a/prefix',
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

async function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint).then(
    () => true,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
