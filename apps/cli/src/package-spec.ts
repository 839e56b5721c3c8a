/** The name of a package in what npm takes: `@acme/head` of `@acme/head@1.2.0`; null where it is no name, or more than that. */
export function packageSpec(text: string): string | null {
  const [, name, version] = /^((?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*)(?:@([\w.^~+-]+))?$/.exec(text) ?? [];
  if (name === undefined || name.length > 214 || version === '') return null;
  return name;
}
