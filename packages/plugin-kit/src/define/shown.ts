/** Any value in a few words, for sentences: `"leap"`, `42`, `10n`, `an object of kind, name`. Runs none of its code. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `the function ${value.name || 'without a name'}`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value !== 'object' || value === null) return String(value);
  const names = Object.keys(value);
  return names.length === 0 ? 'an empty object' : `an object of ${names.slice(0, 5).join(', ')}`;
}

/** What was thrown, an error or not: its message, `'no licence'`, or `{ code: 5 }`. */
export function thrownWords(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  if (typeof thrown === 'string') return `'${thrown}'`;
  if (typeof thrown !== 'object' || thrown === null || Array.isArray(thrown)) return shown(thrown);
  const fields = Object.entries(Object.getOwnPropertyDescriptors(thrown)).filter(([, { enumerable }]) => enumerable);
  if (fields.length === 0) return '{}';
  return `{ ${fields.map(([name, { value }]) => `${name}: ${shown(value)}`).join(', ')} }`;
}
