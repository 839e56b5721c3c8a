/** Longest text that a sentence, a table or a log quotes; longer texts keep their beginning and their end. */
const longest = 600;

/**
 * Characters that control a terminal, change the order of the text around them or are invisible: control and format
 * characters, line and paragraph separators, halves of surrogate pairs. The joiners of emoji and of Persian stay.
 */
const unseen = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(found: string): string {
  return short[found] ?? found.split('').map(escapedUnit).join('');
}

function escapedUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * Untrusted text (a name in a file, an argument, the message of an error) as one line that is safe to print: control and
 * format characters and line ends become JSON escapes (`\u001b`, `\n`), and text of more than `most` characters loses its
 * middle (`Infinity` cuts nothing). Printable text is unchanged, so the function may be applied twice.
 */
export function printable(text: string, most: number = longest): string {
  const line = text.replace(unseen, escaped);
  if (line.length <= most) return line;
  const gap = `... ${line.length - most} more characters ...`;
  const kept = Math.max(0, most - gap.length);
  const end = Math.floor(kept / 4);
  const [head, tail] = [line.slice(0, kept - end), line.slice(line.length - end)];
  return `${head.replace(/[\ud800-\udbff]$/, '')}${gap}${tail.replace(/^[\udc00-\udfff]/, '')}`;
}

/** Like `printable` for several lines, as a stack or JSON: line ends and tabs stay, and nothing is cut. */
export function printableLines(text: string): string {
  return text.replace(unseen, (found) => (found === '\n' || found === '\t' ? found : escaped(found)));
}
