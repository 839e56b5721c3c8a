import { describe, expect, it } from 'vitest';
import { decodeText, parseJson } from './index.ts';

const refusal = { code: 'recipe-malformed', who: 'a.json', expected: 'a recipe in JSON', next: 'Correct the file.' };
const utf8 = (text: string) => new TextEncoder().encode(text);
const marked =
  (...mark: number[]) =>
  (rest: Uint8Array) =>
    Uint8Array.of(...mark, ...rest);
const little = (text: string) => marked(0xff, 0xfe)(Buffer.from(text, 'utf16le'));
const big = (text: string) => marked(0xfe, 0xff)(Buffer.from(text, 'utf16le').swap16());

describe('JSON of files', () => {
  it.each([
    ['plain', utf8('{"name":"Zürich"}')],
    ['with the mark of Windows editors', marked(0xef, 0xbb, 0xbf)(utf8('{"name":"Zürich"}'))],
    ['in UTF-16, as PowerShell writes it', little('{"name":"Zürich"}')],
    ['in UTF-16, big end first', big('{"name":"Zürich"}')],
  ])('is read %s', (_, bytes) => {
    expect(parseJson(bytes, refusal)).toEqual({ name: 'Zürich' });
  });

  it.each([
    [
      '{"name":',
      /^\[a\.json\] got text that is not JSON \(.*JSON.*\); expected a recipe in JSON\. Correct the file\.$/,
    ],
    ['', /\(Unexpected end of JSON input\)/],
    ['{"a\u001b[31m": 1', /^\P{Cc}*$/u],
  ])('is refused in one sentence: %j', (text, sentence) => {
    expect(() => parseJson(utf8(text), refusal)).toThrow(
      expect.objectContaining({ code: 'recipe-malformed', message: expect.stringMatching(sentence) }),
    );
  });

  it('is refused in another encoding instead of being read wrongly', () => {
    expect(() => parseJson(Buffer.from('{"name":"Zürich"}', 'latin1'), refusal)).toThrow('neither UTF-8');
    expect(() => decodeText(Buffer.from('Zürich', 'latin1'))).toThrow(TypeError);
  });
});
