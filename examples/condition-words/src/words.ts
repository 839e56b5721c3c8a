/** The words of a text, in lower case. */
export function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The known word that differs in the fewest letters. */
export function nearestWord(word: string, known: readonly string[]): string {
  const near = known.map((one) => ({ one, far: distance(word, one) })).sort((a, b) => a.far - b.far)[0]!;
  return `it knows ${near.one}, not ${word}`;
}

/** How many letters must be added, left out or exchanged (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (letter === to[j] ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1)!;
}
