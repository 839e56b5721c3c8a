import { describe, expect, it } from 'vitest';
import { causeStack, nobodyAwaited, printable, printableLines, TesseraError } from './index.ts';

/** Clears a screen, sets a window's title, turns text around, hides it, ends a line, and half of a pair. */
const evil = '\u001b[2J\u009b31m\u001b]0;x\u0007a\u202eb\u2066c\ufeffd\u0000e\u007ff\ng\rh\ti\u2028j\u00adk\ud800l';
const acting = /[\p{Cc}\u00ad\u2028-\u202e\u2066\ufeff]/u;

describe('printable', () => {
  it('escapes what acts on a terminal or is not seen, as JSON does', () => {
    const said = printable(evil);
    expect(said).not.toMatch(acting);
    expect(JSON.parse(`"${said}"`)).toBe(evil);
    expect(printable('\u{e0001}')).toBe('\\udb40\\udc01');
    expect(printable(said)).toBe(said);
  });

  it('leaves every script and emoji as they are', () => {
    const text = 'Zürich 東京 العربية می\u200cخواهم 👩\u200d🔬 C:\\models';
    expect(printable(text)).toBe(text);
  });

  it('takes the middle out of what is too long, never half of a character', () => {
    const said = printable(`first ${'x'.repeat(3000)} last`);
    expect(said).toMatch(/^first x+\.\.\. 2\d{3} more characters \.\.\.x+ last$/);
    expect(said.length).toBe(600);
    expect(printable(said)).toBe(said);
    for (let most = 30; most < 40; most++) expect(printable('😀'.repeat(100), most)).not.toMatch(/\p{Cs}/u);
  });

  it('keeps the lines of a page', () => {
    expect(printableLines('a\tb\n\u001b[31mc\r\n')).toBe('a\tb\n\\u001b[31mc\\r\n');
  });
});

describe('what is thrown and printed', () => {
  it('is one printable line of bounded length, whatever its parts quote', () => {
    const name = evil + 'n'.repeat(1e6);
    const parts = { code: 'odd', who: name, got: name, expected: name, next: name };
    const error = new TesseraError(parts);
    expect(error.message).not.toMatch(acting);
    expect(error.message.length).toBeLessThan(2500);
    expect(new TesseraError(error.parts).message).toBe(error.message);
    const inner = new TesseraError({ ...parts, cause: new Error(evil) });
    expect(causeStack(inner, { TESSERA_DEBUG: '1' })).toMatch(/^Error: \\u001b\[2J.*\n +at /s);
    expect(nobodyAwaited(new Error(name))).not.toMatch(acting);
  });
});
