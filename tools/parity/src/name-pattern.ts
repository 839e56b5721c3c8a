/** Tests a kind against shell-like patterns: `*` stands for anything, `?` for one character. No patterns match all. */
export function matchesAny(kind: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => toExpression(pattern).test(kind));
}

function toExpression(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/\*/g, '.*').replace(/\?/g, '.')}$`);
}
