import { describe, expect, test } from 'vitest';
import { adjoining, parseTemplate, renderTemplate, splitByTemplate } from './template-text.ts';

const SERVICE = 'search = "{{stockflow-search}}"\nassets: {{ frameflow-prod }} # {{ frameflow-prod }}\n';

const split = (text: string, template: string) => splitByTemplate(text, parseTemplate(template));

describe('a template', () => {
  test('has literal text and places, each with its line and column', () => {
    expect(parseTemplate(SERVICE)).toEqual({
      literals: ['search = "', '"\nassets: ', ' # ', '\n'],
      places: [
        { name: 'stockflow-search', line: 1, column: 11 },
        { name: 'frameflow-prod', line: 2, column: 9 },
        { name: 'frameflow-prod', line: 2, column: 32 },
      ],
    });
  });

  test('may hold braces that are no place', () => {
    const text = '{ "a": { "b": {} } } }} {{ {{\n}} $A';
    expect(parseTemplate(text)).toEqual({ literals: [text], places: [] });
  });

  test('takes whatever stands between two pairs of braces for a name', () => {
    expect(parseTemplate('{{}} {{ .Values.key | quote }}').places.map(({ name }) => name)).toEqual([
      '',
      '.Values.key | quote',
    ]);
  });

  test('is rendered with an empty text where there is no value yet', () => {
    expect(renderTemplate(parseTemplate(SERVICE), new Map([['frameflow-prod', 'k1']]))).toBe(
      'search = ""\nassets: k1 # k1\n',
    );
  });

  test('tells which places nothing divides from the one before', () => {
    expect(adjoining(parseTemplate('{{a}}{{b}} {{c}}')).map(({ name }) => name)).toEqual(['b']);
  });
});

describe('what was rendered', () => {
  test.each([
    ['in full', 'search = "s1"\nassets: k1 # k1\n', ['s1', 'k1', 'k1']],
    ['in part', 'search = ""\nassets:  # \n', ['', '', '']],
    ['and changed by hand within a place', 'search = "a b"\nassets: k1 # k2\n', ['a b', 'k1', 'k2']],
    ['and changed by hand around the places', 'search="s1"\nassets: k1 # k1\n', null],
    ['with a line more', 'search = "s1"\nassets: k1 # k1\nmore\n', null],
    ['in a value of two lines', 'search = "s\n1"\nassets: k1 # k1\n', null],
    ['by an empty file', '', null],
  ])('%s is split by the literal text', (_how, text, values) => {
    expect(split(text, SERVICE)).toEqual(values);
  });

  test('is known to be ambiguous where a value holds the text behind its place', () => {
    expect(split('a:b:c', '{{x}}:{{y}}')).toBe('ambiguous');
    expect(split('a:b', '{{x}}:{{y}}')).toEqual(['a', 'b']);
  });

  test('is split in the one way there is, where the nearest literal is not the right one', () => {
    expect(split('k=a"b"\n', 'k={{x}}"\n')).toEqual(['a"b']);
    expect(split('aba', '{{x}}a')).toEqual(['ab']);
  });

  test('without any place is the template or is not', () => {
    expect([split('A', 'A'), split('B', 'A')]).toEqual([[], null]);
  });

  test('cannot be had of overlapping ends', () => {
    expect(split('aa', 'aa{{x}}a')).toBeNull();
  });
});

test('every rendering of values that hold no text of the template is split into them again', () => {
  const literals = ['', ' ', '\n', '="', '"\n', ': ', '\n\n', 'key=', '-'];
  let seed = 7;
  const next = (count: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % count;
  };
  for (let turn = 0; turn < 500; turn += 1) {
    const names = ['a', 'b', 'c', 'd'].slice(0, 1 + next(4));
    const text = names.map((name) => `${literals[1 + next(8)]}{{${name}}}`).join('') + literals[next(9)];
    const values = new Map(names.map((name) => [name, 'XYZ'.slice(0, next(4))]));
    expect(split(renderTemplate(parseTemplate(text), values), text), text).toEqual([...values.values()]);
  }
});

test('a long line is split in no time', () => {
  const template = Array.from({ length: 50 }, (_, index) => `a{{p${index}}}`).join('');
  expect(split('a'.repeat(1_000_000), `${template}b`)).toBeNull();
  expect(split('a'.repeat(1_000_000), template)).toBe('ambiguous');
});
