import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const bin = resolve(import.meta.dirname, '../bin/tessera.mjs');
// Node alone does not read the configurations of these projects, which are TypeScript.
vi.stubEnv('TESSERA_BUILT', '');
const installed = dirname(dirname(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs/package.json'))));
const shipped = resolve(import.meta.dirname, '../../../models');
let folder: string;

function tessera(...args: string[]) {
  return spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: folder });
}

/** A project with a plug-in of its own, one that cannot be used, and a second copy of tfjs. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-project-'));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@tensorflow'), { recursive: true });
  const core = join('@tensorflow', 'tfjs-core');
  for (const part of ['package.json', join('dist', 'tf-core.node.js')]) {
    cpSync(join(installed, core, part), join(modules, core, part));
  }
  for (const name of ['long', 'seedrandom', 'node-fetch']) symlinkSync(join(installed, name), join(modules, name));
  writeFileSync(
    join(folder, 'tessera.config.ts'),
    `import { version_core } from '@tensorflow/tfjs-core';
    const anything = { json: { type: 'object', properties: { floor: { type: 'number', description: version_core } } }, parse: (given: unknown) => given };
    const head = { kind: 'head', contract: 1, name: '@acme/gaussian', space: 'continuous', config: anything, options: () => anything, build: () => { throw new Error('no driver'); } };
    void Promise.reject(new Error('telemetry is down'));
    export const config = { plugins: [head, { ...head, name: 'diffusion' }] };`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

it('lists the plug-ins of a project beside our own, and says what was left out', () => {
  const { status, stdout, stderr } = tessera('plugins');
  expect(stdout).toMatch(/^tokenizer +vq .*contract 1 +tessera$/m);
  expect(stdout).toMatch(/^head +@acme\/gaussian +continuous +contract 1 +@acme\/gaussian$/m);
  expect(stderr).toContain('[diffusion] got a second head of this name');
  expect(stderr).toContain('[plug-ins] got an unhandled error (Error: telemetry is down)');
  expect(stderr).toMatch(/2 copies of @tensorflow\/tfjs-core: .+tfjs-core and .+tfjs-core; .*\(tfjs-twice\)/);
  expect(status).toBe(1);
});

it('shows one with the JSON Schemas of its configuration and options', () => {
  const { plugins, problems } = JSON.parse(tessera('plugins', '@acme/gaussian', '--json').stdout);
  expect(plugins).toMatchObject([{ kind: 'head', config: { properties: { floor: { type: 'number' } } } }]);
  expect(problems).toHaveLength(2);
  const page = tessera('plugins', 'diffusion').stdout;
  expect(page).toMatch(/temperature +number above 0, 10 at most, default 1/);
  expect(tessera('plugins', 'difusion')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('Did you mean diffusion?'),
  });
});

it(
  'elsewhere one line says that there are some, and a model that misses a plug-in says which',
  { tags: ['long'] },
  () => {
    const listed = tessera('models');
    expect([listed.status, listed.stderr.match(/^\[diffusion\]/m)]).toEqual([0, null]);
    expect(listed.stderr).toMatch(
      /tessera\.config\.ts has 2 problems, and plug-ins may be left out: tessera plugins says why\.$/m,
    );
    const model = join(folder, 'model');
    cpSync(join(shipped, 'digits-mar'), model, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(model, 'model.json'), 'utf8'));
    writeFileSync(
      join(model, 'model.json'),
      JSON.stringify({ ...manifest, head: { ...manifest.head, plugin: '@acme/none' } }),
    );
    const { status, stderr } = tessera('models', './model');
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /got the plug-in "@acme\/none" among its heads.*\(plugin-unknown\)\n\[diffusion\] got a second head/,
    );
  },
);

it('lists the other models where a plug-in of one does not describe itself', () => {
  const project = join(folder, 'mute');
  for (const name of ['mute', 'whole']) {
    const model = join(project, 'models', name);
    cpSync(join(shipped, 'digits-mar'), model, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(model, 'model.json'), 'utf8'));
    const tokenizer = name === 'mute' ? { plugin: '@acme/mute', config: {} } : manifest.tokenizer;
    writeFileSync(join(model, 'model.json'), JSON.stringify({ ...manifest, name, tokenizer }));
  }
  writeFileSync(
    join(project, 'tessera.config.ts'),
    `const config = { json: { type: 'object' }, parse: (given: unknown) => given };
    const mute = { kind: 'tokenizer', contract: 1, name: '@acme/mute', config, describe: () => undefined, build: () => ({}) };
    export { made as config };
    const made = { plugins: [mute] };`,
  );
  const env = { ...process.env, TESSERA_MODELS: join(project, 'models') };
  const listed = spawnSync(process.execPath, [bin, 'models'], { encoding: 'utf8', cwd: project, env });
  expect(listed.stdout).toMatch(/^whole /m);
  expect(listed.stderr).toMatch(/\[@acme\/mute\] got space\.kind = undefined; .*\(part-misdescribed\)$/m);
  expect(listed.status).toBe(1);
});

it('shows where a plug-in threw to whom asks for it', () => {
  const model = join(folder, 'throwing');
  cpSync(join(shipped, 'digits-mar'), model, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(model, 'model.json'), 'utf8'));
  const head = { ...manifest.head, plugin: '@acme/gaussian' };
  const defaults = { ...manifest.defaults, options: {} };
  writeFileSync(join(model, 'model.json'), JSON.stringify({ ...manifest, head, defaults }));
  const said = (debug: string) => {
    const env = { ...process.env, TESSERA_DEBUG: debug };
    const args = [bin, 'generate', '--model', './throwing', '--out', 'thrown'];
    return spawnSync(process.execPath, args, { encoding: 'utf8', cwd: folder, env }).stderr;
  };
  expect(said('1')).toMatch(
    /got an error of build\(\): no driver.*\(part-failed\)\nError: no driver\n +at .*tessera\.config/,
  );
  expect(said('')).not.toContain('Error: no driver');
});

it('doctor says them too', () => {
  const { stdout, stderr } = tessera('doctor');
  expect(stdout).toMatch(/^plugins +@acme\/gaussian$/m);
  expect(stdout).toMatch(/^tessera.config +.*tessera\.config\.ts$/m);
  expect(stderr).toContain('(tfjs-twice)');
});

describe('a package whose import never ends', () => {
  const never = 'await new Promise(() => undefined); export const head = 1;';
  const ran = (config: string, ...args: string[]) => {
    const project = mkdtempSync(join(folder, 'never-'));
    const own = join(project, 'node_modules', '@acme', 'never');
    mkdirSync(own, { recursive: true });
    writeFileSync(
      join(own, 'package.json'),
      '{"name":"@acme/never","version":"1.2.0","type":"module","exports":"./i.js"}',
    );
    writeFileSync(join(own, 'i.js'), never);
    writeFileSync(join(project, 'tessera.config.mjs'), config);
    const env = { ...process.env, TESSERA_MODELS: shipped };
    return spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: project, env });
  };

  it(
    'is left out by its name where the configuration names it, and the command ends in order',
    { tags: ['long'] },
    () => {
      const config = "export const config = { plugins: ['@acme/never'] };";
      const { status, stdout, stderr } = ran(config, 'plugins');
      expect(stderr).toBe(
        '[@acme/never] got an error while tessera.config.mjs imported it: it waits for something that will never happen ' +
          '(@acme/never 1.2.0); expected plug-ins. It is left out and the others work: repair it, install another version, or ' +
          'remove it from plugins. (plugin-import)\n',
      );
      expect([status, stdout.split('\n').length > 10]).toEqual([1, true]);
      expect(ran(config, 'models')).toMatchObject({ status: 0, stderr: expect.stringMatching(/has 1 problem/) });
    },
  );

  it('is named too where the configuration imports it', () => {
    const config = "import { head } from '@acme/never';\nexport const config = { plugins: [head] };";
    const { status, stderr } = ran(config, 'plugins');
    expect(stderr).toMatch(/^\[.*tessera\.config\.mjs\] got an error of its import '@acme\/never' while it was .*\n$/);
    expect(status).toBe(1);
  });
});

it('ends at an interrupt, though a part waits for a device that never answers', async () => {
  const project = mkdtempSync(join(folder, 'mute-'));
  const diffusion = resolve(import.meta.dirname, '../../../packages/head-diffusion/src/index.ts');
  writeFileSync(
    join(project, 'tessera.config.ts'),
    `import { diffusionHead } from ${JSON.stringify(diffusion)};
    const build = (...given: Parameters<typeof diffusionHead.build>) => ({
      ...diffusionHead.build(...given),
      sample: () => new Promise(() => void console.log('waiting')),
    });
    export const config = { plugins: [{ ...diffusionHead, name: '@acme/mute', build }] };`,
  );
  cpSync(join(shipped, 'digits-mar'), join(project, 'model'), { recursive: true });
  const manifest = JSON.parse(readFileSync(join(project, 'model/model.json'), 'utf8'));
  const head = { ...manifest.head, plugin: '@acme/mute' };
  writeFileSync(join(project, 'model/model.json'), JSON.stringify({ ...manifest, head }));
  const child = spawn(process.execPath, [bin, 'generate', '--model', './model', '--out', 'out'], { cwd: project });
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(String(chunk)));
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const [code] = await once(child, 'close');
  expect([code, said.join('')]).toEqual([130, 'Interrupted: no image is finished.\n']);
});

it('leaves out a module whose import waits for an hour, after half a minute, and ends', { tags: ['long'] }, () => {
  const project = mkdtempSync(join(folder, 'waits-'));
  writeFileSync(join(project, 'waits.mjs'), 'await new Promise((done) => setTimeout(done, 3_600_000));');
  writeFileSync(join(project, 'tessera.config.mjs'), "export const config = { plugins: ['./waits.mjs'] };");
  const { status, stderr } = spawnSync(process.execPath, [bin, 'plugins'], { encoding: 'utf8', cwd: project });
  expect(stderr).toMatch(/^\[\.\/waits\.mjs\] got an error .*: no end of it for 30 s; .*\(plugin-import\)\n$/);
  expect(status).toBe(1);
});
