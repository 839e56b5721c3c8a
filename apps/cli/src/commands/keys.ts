import { manageKeys, type ApiKey } from '@tessera/api';
import { flag, given, integer, text, type Arguments } from '@tessera/command-line';
import { printable, TesseraError } from '@tessera/errors';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const tenant = text({ value: 'T', required: true, help: 'whose key it is: all keys of a tenant see the same things' });
const name = text({ value: 'NAME', required: true, help: 'what it is for; one valid key of a tenant has it' });
const json = flag('print JSON');
const most = 1_000_000_000;

const createOptions = {
  tenant,
  name,
  admin: flag('lets it see how the whole service is, of all tenants'),
  costPerDay: integer({ value: 'N', from: 1, to: most, help: 'million pixels times steps in 24 hours' }),
  uploadMegabytesPerDay: integer({ value: 'N', from: 1, to: most, help: 'megabytes of uploads in 24 hours' }),
  requestsPerMinute: integer({ value: 'N', from: 1, to: most, help: 'requests in a minute, of each server' }),
  waiting: integer({ value: 'N', from: 1, to: most, help: 'generations that may wait' }),
  sockets: integer({ value: 'N', from: 1, to: most, help: 'open sockets and streams' }),
  json,
};
const listOptions = { tenant: text({ value: 'T', help: 'keys of this tenant alone' }), json };
const revokeOptions = { tenant, name };
const where = 'Works on the database of DATABASE_URL, beside its servers, or else on the data directory TESSERA_DATA.';

export const createKey: Command<typeof createOptions> = {
  options: createOptions,
  notes: [where, 'What a key does not limit is limited by the variables of the server.'],
  examples: ['tessera keys create --tenant acme --name ci', 'tessera keys create --tenant ops --name grafana --admin'],
  async run({ values }: Arguments<typeof createOptions>, terminal: Terminal) {
    const { tenant, name, admin = false, json, ...rest } = values;
    const limits = given(rest);
    const made = await manageKeys((keys) => keys.create({ tenant, name, admin, limits }));
    if (!made) throw nameTaken(tenant, name);
    terminal.out(json ? JSON.stringify({ ...made.key, secret: made.secret }) : made.secret);
    if (!json) terminal.err('Keep this key: it is stored nowhere and never shown again.');
    return 0;
  },
};

export const listKeys: Command<typeof listOptions> = {
  options: listOptions,
  notes: [where],
  examples: ['tessera keys list', 'tessera keys list --tenant acme --json'],
  async run({ values }: Arguments<typeof listOptions>, terminal: Terminal) {
    const found = await manageKeys((keys) => keys.list(values.tenant ?? null));
    if (values.json) terminal.out(JSON.stringify(found));
    else if (found.length === 0) terminal.out('No keys here. See tessera keys create --help.');
    else for (const key of found) terminal.out(lineOf(key));
    return 0;
  },
};

export const revokeKey: Command<typeof revokeOptions> = {
  options: revokeOptions,
  notes: [where, 'Signed URLs of images that were given out before are good until their time has passed.'],
  examples: ['tessera keys revoke --tenant acme --name ci'],
  async run({ values: { tenant, name } }: Arguments<typeof revokeOptions>, terminal: Terminal) {
    const key = await manageKeys((keys) => keys.revoke(tenant, name));
    if (!key) throw unknownKey(tenant, name);
    terminal.out(`${key.prefix}... is revoked.`);
    return 0;
  },
};

function lineOf({ prefix, tenant, name, admin, limits, createdAt, usedAt, revokedAt }: ApiKey): string {
  const facts = [
    `${printable(tenant, 60)}/${printable(name, 60)}`,
    `made ${day(createdAt)}`,
    usedAt ? `used ${day(usedAt)}` : 'never used',
    ...(admin ? ['admin'] : []),
    ...Object.entries(limits).map(([limit, value]) => `${limit} ${value}`),
    ...(revokedAt ? [`revoked ${day(revokedAt)}`] : []),
  ];
  return `${prefix}...  ${facts.join(', ')}`;
}

function day(date: Date): string {
  return date.toISOString().slice(0, 16).replace('T', ' ');
}

function nameTaken(tenant: string, name: string): TesseraError {
  return new TesseraError({
    code: 'key-name-taken',
    who: 'tessera keys create',
    got: `the name ${name}, which a valid key of ${tenant} has`,
    expected: 'another name',
    next: 'Choose one, or revoke that key first.',
  });
}

function unknownKey(tenant: string, name: string): TesseraError {
  return new TesseraError({
    code: 'unknown-key',
    who: 'tessera keys revoke',
    got: `the name ${name}`,
    expected: `that of a valid key of ${tenant}`,
    next: `See tessera keys list --tenant ${tenant}.`,
  });
}
