/** Two 32-bit hashes of a string (FNV-1a from two offsets, each finished by an avalanche), for names of streams. */
export function hashName(name: string): readonly [number, number] {
  return [fnv(name, 0x811c9dc5), fnv(name, 0x3c6ef372)];
}

function fnv(name: string, offset: number): number {
  let hash = offset;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
