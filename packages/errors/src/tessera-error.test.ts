import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { causeStack, describeRejection, isTesseraError, printable, printableLines, TesseraError } from './index.ts';

const parts = { code: 'label-out-of-range', who: 'digits', got: 'label 12', expected: 'a label from 0 to 9' };

describe('TesseraError', () => {
  it('makes one sentence of its parts', () => {
    const error = new TesseraError({ ...parts, next: 'Choose a label of this model.' });
    expect(error.message).toBe('[digits] got label 12; expected a label from 0 to 9. Choose a label of this model.');
    expect(new TesseraError(parts).message).toBe('[digits] got label 12; expected a label from 0 to 9.');
  });

  it('keeps its parts, which printing it leaves out', () => {
    const error = new TesseraError(parts);
    expect(error.parts).toEqual(parts);
    expect(inspect(error)).not.toContain('expected:');
  });

  it('keeps its code and its cause', () => {
    const cause = new Error('below');
    expect(new TesseraError({ ...parts, cause })).toMatchObject({ code: 'label-out-of-range', cause });
  });

  it('shows the stack of its cause on request', () => {
    const part = new TesseraError({ ...parts, cause: new Error('below') });
    const error = new TesseraError({ ...parts, cause: part });
    expect(causeStack(error, { TESSERA_DEBUG: '1' })).toMatch(/^Error: below\n +at .*tessera-error\.test\.ts/);
    expect([causeStack(error, {}), causeStack(new TesseraError(parts), { TESSERA_DEBUG: '1' })]).toEqual([null, null]);
  });

  it('is recognised from another copy of the package, and nothing else is', () => {
    const copy = Object.assign(new Error('sentence'), { name: 'TesseraError', code: 'some-code' });
    expect([copy, new TesseraError(parts)].every(isTesseraError)).toBe(true);
    expect([new Error('x'), Object.assign(new Error('x'), { code: 'ENOENT' }), null, 'x'].some(isTesseraError)).toBe(
      false,
    );
  });
});

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
    expect(describeRejection(new Error(name))).not.toMatch(acting);
  });
});
