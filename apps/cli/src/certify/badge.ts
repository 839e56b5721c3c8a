/** Width of a letter of Verdana in 11 pixels, about: the text is fitted to its place. */
const LETTER = 6.6;
const PADDING = 12;
const GREEN = '#2e7d32';
const RED = '#c62828';

interface Badge {
  readonly contract: number | null;
  readonly passed: number;
  readonly of: number;
}

/** An SVG image for a readme: which contract, and how many cases passed. */
export function badgeOf({ contract, passed, of }: Badge): string {
  const label = contract === null ? 'tessera' : `tessera contract ${contract}`;
  const ok = passed === of && of > 0;
  const message = ok ? `certified, ${of} cases` : `${of - passed} of ${of} cases failed`;
  const [left, right] = [label, message].map((text) => Math.round(text.length * LETTER) + PADDING) as [number, number];
  const text = (words: string, x: number, width: number): string =>
    `<text x="${x + width / 2}" y="14" textLength="${width - PADDING}" text-anchor="middle">${words}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${label}: ${message}">
  <title>${label}: ${message}</title>
  <clipPath id="r"><rect width="${left + right}" height="20" rx="3"/></clipPath>
  <g clip-path="url(#r)">
    <rect width="${left}" height="20" fill="#444"/>
    <rect x="${left}" width="${right}" height="20" fill="${ok ? GREEN : RED}"/>
  </g>
  <g fill="#fff" font-family="Verdana,Geneva,sans-serif" font-size="11">
    ${text(label, 0, left)}
    ${text(message, left, right)}
  </g>
</svg>
`;
}
