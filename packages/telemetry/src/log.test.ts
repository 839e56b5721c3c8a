import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readLogOptions, withoutSecrets } from './log.ts';

const module = fileURLToPath(new URL('./index.ts', import.meta.url));

/** Standard error of a process that logs by these lines. */
function logged(environment: Record<string, string>, lines: string): string {
  const code = `import { log, logError, startTelemetry, troubleOf } from ${JSON.stringify(module)};
    const end = await startTelemetry('worker', process.env);
    ${lines}
    await end();`;
  const { PATH = '' } = process.env;
  const arguments_ = ['--conditions=@tessera/source', '--import', 'tsx', '--input-type=module', '-e', code];
  const result = spawnSync(process.execPath, arguments_, { encoding: 'utf8', env: { PATH, ...environment } });
  expect(result.stdout).toBe('');
  expect(result.status).toBe(0);
  return result.stderr;
}

describe('the log', () => {
  it('is JSON lines in production, from info', () => {
    const text = logged(
      { NODE_ENV: 'production' },
      `log.debug('not seen'); log.info({ id: 'g1', ms: 3 }, 'generation ended');
       logError('a part failed', new Error('why\\nand why'));`,
    );
    const lines = text.trim().split('\n');
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.length).toBe(2);
    expect(first).toMatchObject({ level: 'info', role: 'worker', id: 'g1', ms: 3, msg: 'generation ended' });
    expect(first!['time']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(second).toMatchObject({ level: 'error', msg: 'a part failed', err: { message: 'why\nand why' } });
  });

  it('says once that something fails again and again, and once that it is over', () => {
    const text = logged(
      { NODE_ENV: 'production' },
      `const { failed, worked } = troubleOf('it fails', 'it works again');
       worked(); failed(new Error('why')); failed(new Error('other')); worked(); worked(); failed(new Error('why'));`,
    );
    const said = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(said).toEqual(['it fails', 'it works again', 'it fails']);
  });

  it('is text for people elsewhere, from warn, with nothing that controls their terminal', () => {
    const text = logged(
      {},
      `log.info('not seen'); log.warn({ id: 'g1', name: '\\u001b[31mred' }, 'something \\u0007 is odd');`,
    );
    expect(text).toMatch(/^[\d:]{8} warn {2}something \\u0007 is odd \(id=g1, name=\\u001b\[31mred\)\n$/);
  });

  it('says in one sentence what is wrong with its variables', () => {
    expect(readLogOptions({ NODE_ENV: 'production', TESSERA_LOG: 'text', TESSERA_LOG_LEVEL: 'debug' })).toEqual({
      format: 'text',
      level: 'debug',
    });
    expect(() => readLogOptions({ TESSERA_LOG: 'xml' })).toThrow(
      '[api] got TESSERA_LOG=xml; expected json, text. Leave it out for the default.',
    );
    expect(() => readLogOptions({ TESSERA_LOG_LEVEL: 'loud' })).toThrow('TESSERA_LOG_LEVEL=loud');
  });
});

describe('secrets', () => {
  const secret = 'zq9SECRETzq9';
  it.each([
    `Authorization: Bearer ${secret}`,
    `{"headers":{"authorization":"Bearer ${secret}"}}`,
    `{"authorization":"${secret}\\"${secret}"}`,
    `{"password":"${secret}"}`,
    `connect to postgres://tessera:${secret}@db:5432/tessera failed`,
    `GET /images/0f.png?expires=1&signature=${secret}&x=1`,
    `GET /images/0f.png?X-Amz-Signature=${secret}`,
    `no key tsr_abcdefgh${secret} is known`,
  ])('are removed from %s', (line) => {
    expect(line).toContain(secret);
    expect(withoutSecrets(line)).not.toContain(secret);
  });

  it('are removed before a line is written, wherever they stand', () => {
    const text = logged(
      { NODE_ENV: 'production' },
      `log.info({ url: 'postgres://a:${secret}@b/c', deep: { token: '${secret}' } }, 'Bearer ${secret}');
       logError('x', new Error('key tsr_abcdefgh${secret} and Bearer ${secret}'));`,
    );
    expect(text).not.toContain(secret);
    expect(text.match(/\[removed\]/g)!.length).toBeGreaterThanOrEqual(6);
    for (const line of text.trim().split('\n')) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });
});
