/** What stands where weights should be, and what to do about it. */
export interface Found {
  readonly got: string;
  readonly next: string;
}

/** Recognises texts by the first bytes of a file; null for everything else. */
export function notWeights(start: Uint8Array, size: number): Found | null {
  const text = textOf(start, size);
  if (text === null) return null;
  if (text.startsWith('version https://git-lfs.github.com/spec/')) {
    const [, bytes] = /^size (\d+)$/m.exec(text) ?? [];
    return {
      got: `a pointer of Git LFS${bytes === undefined ? '' : `, which stands for a file of ${bytes} bytes`}`,
      next: 'Fetch the file itself: git lfs pull.',
    };
  }
  if (/^\s*<(!doctype html|html|head|body|\?xml|!--|error)/i.test(text)) {
    return { got: 'a web page', next: 'Download the file itself: the address led to a page about it, or to an error.' };
  }
  return {
    got: `a text that begins with ${JSON.stringify(text.trim().slice(0, 40))}`,
    next: 'Check that this is the file you meant, and that its download went well.',
  };
}

/** The bytes as text if every one of them is: a file of weights has others within its first few. */
function textOf(start: Uint8Array, size: number): string | null {
  if (start.some((byte) => byte < 9 || (byte > 13 && byte < 32))) return null;
  try {
    // The end may cut a character in two, unless it is the end of the file.
    return new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: size > start.length });
  } catch {
    return null;
  }
}
