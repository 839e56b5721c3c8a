import { ClientError } from './client-error.ts';

/** Where a path of the server is, below the path that its address may have: `https://host/tessera` + `/graphql`. */
export function addressOf(server: string, path: string): URL {
  const base = baseOf(server);
  const isOfServer = path.startsWith('/') && !path.startsWith('//');
  return new URL(isOfServer ? `.${path}` : path, base);
}

/** @throws ClientError `url-invalid` */
export function baseOf(server: string): URL {
  const base = URL.canParse(server) ? new URL(server) : null;
  if (!base || !/^https?:$/.test(base.protocol)) {
    const message = `Got the url ${server}; expected one as http://localhost:4000. Correct it.`;
    throw new ClientError(message, { code: 'url-invalid' });
  }
  base.search = base.hash = '';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return base;
}
