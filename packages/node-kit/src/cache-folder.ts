import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/** Where this user's downloads lie; all clones share them. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { TESSERA_CACHE, XDG_CACHE_HOME } = environment;
  if (TESSERA_CACHE) return resolve(TESSERA_CACHE);
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'tessera');
  // Its specification says to ignore a relative one.
  const base = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'tessera');
}
