import { expect, it } from 'vitest';
import { withoutFolders } from './models.ts';

it.each([
  [
    "Cannot find package '@acme/gone/extra' imported from /srv/tessera/tessera.config.mjs; expected plug-ins",
    "Cannot find package '@acme/gone/extra' imported from …/tessera.config.mjs; expected plug-ins",
  ],
  [
    "Cannot find module '/srv/own/gone.mjs' imported from file:///srv/a.mjs",
    "Cannot find module '…/gone.mjs' imported from …/a.mjs",
  ],
  ['see https://example.org/a/b, ./src/own.ts and 3/4/5', 'see https://example.org/a/b, ./src/own.ts and 3/4/5'],
])('clients are told no folders of the server: %s', (message, told) => {
  expect(withoutFolders(message)).toBe(told);
});
