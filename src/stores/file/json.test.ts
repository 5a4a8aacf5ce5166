import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { markOf, testHash } from '../parts.suite.ts';
import { json } from './json.ts';
import { codeOf } from './testing.ts';

const PATH = '/run/app/config.json';
const VALUE = 'ff_live_8x9a2b';
const MARK = markOf(3);

const formatOf = (field = 'api_key') => json({ path: PATH, field }, testHash);
const render = (text: string, field?: string, value = VALUE, mark = MARK) =>
  formatOf(field).render(Buffer.from(text), Secret.from(value), mark).toString();
const read = (text: string, field?: string) => {
  const { value, mark } = formatOf(field).parse(Buffer.from(text));
  return [value?.reveal() ?? null, mark];
};
/** The mark's text differs in every run. */
const shown = (text: string) => text.replace(/(_keywarden":\s*)"(?:[^"\\]|\\.)*"/g, '$1"…"');

describe('a JSON file', () => {
  test('that is missing, empty or blank is made with the field and its mark', () => {
    for (const text of ['', ' \n', '{}', '\uFEFF']) {
      expect(shown(render(text).replace('\uFEFF', '')).trimEnd()).toBe(
        `{\n  "api_key": "${VALUE}",\n  "api_key_keywarden": "…"\n}`,
      );
      expect(read(render(text))).toEqual([VALUE, MARK]);
    }
  });

  test('keeps every other byte: order, long numbers, escapes, blanks, its end and its byte order mark', () => {
    const text =
      '\uFEFF{\t"10": 12345678901234567890, "2" : 1.0e0,\r\n\t"a\\u0041": "\\/ü", "api_key" :\t"old" ,"z":[ ]}';
    expect(shown(render(text))).toBe(text.replace('"old"', `"${VALUE}", "api_key_keywarden": "…"`));
  });
});

describe('a new member is laid out as its neighbours:', () => {
  test.each([
    ['{\n    "a": 1\n}\n', `{\n    "a": 1,\n    "api_key": "${VALUE}",\n    "api_key_keywarden": "…"\n}\n`],
    ['{\r\n\t"a":1}', `{\r\n\t"a":1,\r\n\t"api_key":"${VALUE}",\r\n\t"api_key_keywarden":"…"}`],
    ['{"a":1}', `{"a":1,"api_key":"${VALUE}","api_key_keywarden":"…"}`],
    ['{ "a": 1 }', `{ "a": 1, "api_key": "${VALUE}", "api_key_keywarden": "…" }`],
    [
      '{\n  "api_key": null,\n  "b": 2\n}',
      `{\n  "api_key": "${VALUE}",\n  "api_key_keywarden": "…",\n  "b": 2\n}`,
    ],
  ])('%j', (text, expected) => {
    expect(shown(render(text))).toBe(expected);
    expect(shown(render(render(text)))).toBe(expected);
  });
});

describe('a dotted field', () => {
  test('is a way through objects', () => {
    const text = '{\n  "frameflow": {\n    "url": "https://x",\n    "apiKey": "old"\n  },\n  "b": 1\n}\n';
    expect(shown(render(text, 'frameflow.apiKey'))).toBe(
      text.replace('"old"', `"${VALUE}",\n    "apiKey_keywarden": "…"`),
    );
    expect(read(text, 'frameflow.apiKey')).toEqual(['old', null]);
    expect(read(text, 'frameflow.other')).toEqual([null, null]);
    expect(read(text, 'none.apiKey')).toEqual([null, null]);
  });

  test('makes the objects that are missing', () => {
    expect(shown(render('{\n    "b": 1\n}\n', 'a.c.key'))).toBe(
      `{\n    "b": 1,\n    "a": {\n        "c": {\n            "key": "${VALUE}",\n            "key_keywarden": "…"\n        }\n    }\n}\n`,
    );
    expect(read(render('{"a":null}', 'a.key'), 'a.key')).toEqual([VALUE, MARK]);
  });

  test('that leads through something else is refused', () => {
    for (const text of ['{"a":"text"}', '{"a":[]}', '{"a":1}']) {
      expect(codeOf(() => read(text, 'a.key'))).toBe('not_an_object');
      expect(codeOf(() => render(text, 'a.key'))).toBe('not_an_object');
    }
  });

  test.each(['__proto__.key', 'constructor.key', 'a.__proto__', 'toString'])('may be %s', (field) => {
    expect(read('{}', field)).toEqual([null, null]);
    expect(read(render('{"a":{}}', field), field)).toEqual([VALUE, MARK]);
  });
});

describe('is refused for good, and not quoted,', () => {
  test.each([
    ['invalid JSON', '{"planted": }', 'not_json'],
    ['a comment', '{ // planted\n}', 'not_json'],
    ['a list', '["planted"]', 'not_an_object'],
    ['a text', '"planted"', 'not_an_object'],
    ['a member named twice', '{"planted":1,\n"planted":2}', 'ambiguous_file'],
    [
      'a member named twice, once with an escape',
      '{"api_key":"planted","api\\u005fkey":""}',
      'ambiguous_file',
    ],
    ['a member named twice further down', '{"a":[{"planted":{"b":1,"b":2}}]}', 'ambiguous_file'],
    ['a field that is no text', '{"api_key":{"planted":1}}', 'not_a_string'],
    ['endless nesting', `{"planted":${'['.repeat(5_000)}${']'.repeat(5_000)}}`, 'too_deep'],
  ])('%s', (_what, text, code) => {
    for (const act of [() => read(text), () => render(text)]) {
      expect(codeOf(act)).toBe(code);
      expect(messageOf(act)).not.toContain('planted');
      expect(messageOf(act)).toContain(PATH);
    }
  });

  test('what is not UTF-8', () => {
    const latin = Buffer.from('{"a":"\xFC"}', 'latin1');
    expect(codeOf(() => formatOf().parse(latin))).toBe('not_text');
  });

  test('a value that is no text', () => {
    const value = Secret.from(Buffer.from([0xff]));
    expect(codeOf(() => formatOf().render(Buffer.from('{}'), value, MARK))).toBe('value_unfit');
  });
});

test('a value of any text is kept whole', () => {
  const value = 'quotes " back \\ line\nfeed \u2028 ü 😀 \u0000';
  expect(read(render('{"a":1}', 'api_key', value))).toEqual([value, MARK]);
});

test('a value that was replaced by hand is not taken for ours', () => {
  expect(read(render('{}').replace(VALUE, 'theirs'))).toEqual(['theirs', null]);
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
}
