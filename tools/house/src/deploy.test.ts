import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { filesBelow, root } from './files.ts';

/*
 * What is in deploy/ names variables, metrics, paths and ports of the program. Its form is for the tools that read it: promtool,
 * kubernetes-validate, hadolint, docker compose.
 */

const deploy = join(root, 'deploy');
const files = readdirSync(deploy, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$|file$/.test(name));
const read = (name: string) => readFileSync(join(deploy, name), 'utf8');
const operations = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const texts = new Map([...files.map((name) => [name, read(name)] as const), ['operations.md', operations]]);
const sources = sourcesOf(['apps/api/src', 'apps/cli/src', 'packages']);

function sourcesOf(folders: readonly string[]): string {
  return folders
    .flatMap((folder) => filesBelow(join(root, folder)))
    .filter((file) => /\.ts$/.test(file) && !/\.test\.ts$/.test(file))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
}

function documentsOf(name: string): Record<string, never>[] {
  return parseAllDocuments(read(name), { merge: true }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Record<string, never>;
  });
}

/** Each different word that a pattern finds. */
function found(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([word]) => word))].sort();
}

it.each([...texts])('%s names only variables that the program reads', (_, text) => {
  // The password of the compose file and its port are the file's own.
  const own = ['TESSERA_PASSWORD', 'TESSERA_PORT'];
  const names = found(text, /\b(?:TESSERA_[A-Z_]+|DATABASE_URL|TRUSTED_DOCUMENTS)\b/g).filter(
    (name) => !own.includes(name),
  );
  expect(names.filter((name) => !sources.includes(name))).toEqual([]);
});

it('documents every variable that a server reads', () => {
  // For builds and tests.
  const own = ['TESSERA_BUILT', 'TESSERA_SEED', 'TESSERA_VERSITYGW'];
  const names = found(
    sourcesOf(['apps/api/src', 'packages/blobs']),
    /\b(?:TESSERA_[A-Z_]+|DATABASE_URL|TRUSTED_DOCUMENTS)\b/g,
  );
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !own.includes(name) && !operations.includes(name))).toEqual([]);
});

it.each([...texts])('%s names only metrics that there are', (_, text) => {
  const suffix = /_(?:bucket|count|sum)$/;
  const names = found(text, /\btessera_[a-z_]+[a-z]\b/g).map((name) => name.replace(suffix, ''));
  expect(names.filter((name) => !new RegExp(`'${name}(?:_total)?'`).test(sources))).toEqual([]);
});

describe('the alerts', () => {
  it('name parts of the runbook that are there', () => {
    const headings = [...operations.matchAll(/^#+ (.+)$/gm)].map(([, text]) =>
      text!.toLowerCase().replaceAll(' ', '-'),
    );
    const runbooks = [...read('alerts.yml').matchAll(/docs\/operations\.md#(\S+)/g)].map(([, anchor]) => anchor!);
    expect(runbooks.length).toBeGreaterThan(5);
    expect(runbooks.filter((anchor) => !headings.includes(anchor))).toEqual([]);
  });
});

describe('the manifests of Kubernetes', () => {
  const all = files.filter((name) => name.startsWith('kubernetes')).flatMap(documentsOf);
  const pods = all.flatMap((one) => {
    const { kind, spec } = one as unknown as { kind: string; spec: { template: { spec: PodSpec } } };
    return kind === 'Deployment' ? [spec.template.spec] : [];
  });

  interface PodSpec {
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly {
      readonly args: readonly string[];
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
      readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly path: string; readonly port: string } };
    }[];
  }

  it('run both roles, with probes on a port that they have, and time for the hand-over', () => {
    expect(pods.map(({ containers }) => containers[0]!.args.join(' ')).sort()).toEqual([
      'serve --role api',
      'serve --role worker',
    ]);
    for (const { containers, terminationGracePeriodSeconds } of pods) {
      const [container] = containers;
      const ports = container!.ports.map(({ name }) => name);
      const paths = ['startup', 'liveness', 'readiness'].map((probe) => {
        const { path, port } = container![`${probe}Probe`]!.httpGet;
        expect(ports).toContain(port);
        return path;
      });
      expect(paths).toEqual(['/healthz', '/healthz', '/readyz']);
      expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(30);
    }
  });

  it('use the ports of the image', () => {
    const ports = pods.flatMap(({ containers }) => containers[0]!.ports.map(({ containerPort }) => containerPort));
    const image = read('Containerfile');
    for (const port of ports) expect(image).toMatch(new RegExp(`EXPOSE .*\\b${port}\\b`));
    expect(image).toContain('TESSERA_METRICS_PORT=9464');
    expect(read('prometheus.yml')).toContain('port: 9464');
  });
});

it('composes two of each role, each with time to hand over', () => {
  const [compose] = documentsOf('compose.yaml') as unknown as [{ services: Record<string, Service> }];
  interface Service {
    readonly command: readonly string[];
    readonly deploy: { readonly replicas: number };
    readonly stop_grace_period: string;
  }
  const { api, worker } = compose.services;
  expect([api!.command.at(-1), worker!.command.at(-1)]).toEqual(['api', 'worker']);
  expect([api!.deploy.replicas, worker!.deploy.replicas]).toEqual([2, 2]);
  expect(parseInt(worker!.stop_grace_period)).toBeGreaterThanOrEqual(30);
});
