/**
 * The first key that some object of a JSON text repeats; JSON.parse would silently keep the last.
 * `json` must be valid JSON.
 */
export function duplicateKey(json: string): string | undefined {
  const seen: Set<string>[] = [];
  // In valid JSON, a string is a key exactly when a colon follows it.
  const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/gs;
  for (const [token, colon] of json.matchAll(tokens)) {
    if (token === '{' || token === '[') seen.push(new Set());
    else if (token === '}' || token === ']') seen.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(token.slice(0, -colon.length)) as string;
      const keys = seen.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}
