import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeTensorFlow } from './installation.ts';
import { cacheFolder } from '@tessera/node-kit';
import { findInstallation, installationFolder, MANIFEST, requireInstallation } from './installation.ts';
import { bindingFile } from './binding.ts';

const cache = mkdtempSync(join(tmpdir(), 'tessera-cache-'));
const environment = { TESSERA_CACHE: cache };
afterAll(() => rmSync(cache, { recursive: true, force: true }));

describe('the installation of TensorFlow', () => {
  it('lies in the cache of the user', () => {
    expect(cacheFolder(environment)).toBe(cache);
    if (process.platform === 'linux') expect(cacheFolder({ XDG_CACHE_HOME: '/var/x' })).toBe('/var/x/tessera');
    expect(cacheFolder({ TESSERA_CACHE: 'here' })).toBe(join(process.cwd(), 'here'));
    expect(installationFolder(environment)).toBe(join(cache, 'tensorflow'));
  });

  it('is found once it is whole and for this platform', async () => {
    expect(findInstallation(environment)).toBeNull();
    expect(() => requireInstallation(environment)).toThrow(/tessera setup tensorflow/);
    expect(await describeTensorFlow(environment)).toMatch(/^not set up in /);
    const folder = installationFolder(environment);
    mkdirSync(folder);
    const platform = `${process.platform}-${process.arch}`;
    const write = (change: object) =>
      writeFileSync(
        join(folder, MANIFEST),
        JSON.stringify({ version: '1', variant: 'cpu', platform, kernels: 'k', ...change }),
      );
    write({});
    expect(findInstallation(environment)).toBeNull();
    expect(await describeTensorFlow(environment)).toMatch(/^set up by another version of Tessera/);
    const binding = join(folder, bindingFile('cpu'));
    writeFileSync(binding, 'not a library');
    expect(findInstallation(environment)).toBeNull();
    mkdirSync(join(folder, 'k'));
    expect(findInstallation(environment)).toMatchObject({ version: '1', binding });
    expect(await describeTensorFlow(environment)).toMatch(/^broken: /);
    write({ platform: 'other-one' });
    expect(findInstallation(environment)).toBeNull();
  });
});
