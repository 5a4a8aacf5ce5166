import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { markOf } from '../parts.suite.ts';
import { codeOf, format, LINE, MARK, markIn, NAME, read, render, VALUE } from './testing.ts';

/** What is kept, a file before, the file after. */
const KEPT: ReadonlyArray<readonly [string, string, string]> = [
  [
    'other lines and their order',
    `# top\nA=1\n\n${NAME}=old\nB=2\n`,
    `# top\nA=1\n\n${NAME}=${VALUE}\nB=2\n${LINE}\n`,
  ],
  ['Windows line endings', `A=1\r\n${NAME}=old\r\nB=2\r\n`, `A=1\r\n${NAME}=${VALUE}\r\nB=2\r\n${LINE}\r\n`],
  ['a missing final line ending', `A=1\n${NAME}=old`, `A=1\n${NAME}=${VALUE}\n${LINE}`],
  ['a missing final line ending where the variable is new', 'A=1', `A=1\n${NAME}=${VALUE}\n${LINE}`],
  ['a byte order mark', `\uFEFF${NAME}=old\nA=1\n`, `\uFEFF${NAME}=${VALUE}\nA=1\n${LINE}\n`],
  ['a byte order mark alone', '\uFEFF', `\uFEFF${NAME}=${VALUE}\n${LINE}\n`],
  ['export and indent', `\texport  ${NAME}="old"\n`, `\texport  ${NAME}=${VALUE}\n${LINE}\n`],
  ['a comment on the line', `${NAME}='old'  # don't "touch\n`, `${NAME}=${VALUE}  # don't "touch\n${LINE}\n`],
  ['a comment behind an empty value', `${NAME}= # soon\n`, `${NAME}=${VALUE} # soon\n${LINE}\n`],
  [
    'a commented-out variable',
    `# ${NAME}=old\n#${NAME}=older\n`,
    `# ${NAME}=old\n#${NAME}=older\n${NAME}=${VALUE}\n${LINE}\n`,
  ],
  [
    'variables with a longer name',
    `MY_${NAME}=1\n${NAME}_2=2\n`,
    `MY_${NAME}=1\n${NAME}_2=2\n${NAME}=${VALUE}\n${LINE}\n`,
  ],
  [
    'a look-alike inside a quoted value of many lines',
    `CERT="-----\n${NAME}=inside\n${LINE}\n-----"\n${NAME}=old\n`,
    `CERT="-----\n${NAME}=inside\n${LINE}\n-----"\n${NAME}=${VALUE}\n${LINE}\n`,
  ],
  [
    'the quoting of others',
    `A='x y' # z\nB="\\n"\nC=\`q\`\n${NAME}=o\n`,
    `A='x y' # z\nB="\\n"\nC=\`q\`\n${NAME}=${VALUE}\n${LINE}\n`,
  ],
  ['text that is none', `what is this\n%%%\n${NAME}=o\n`, `what is this\n%%%\n${NAME}=${VALUE}\n${LINE}\n`],
];

describe('rendering', () => {
  test('an empty file gets the variable and its mark', () => {
    expect(render('')).toBe(`${NAME}=${VALUE}\n${LINE}\n`);
    expect(LINE).toMatch(
      new RegExp(
        `^# keywarden:1 ${NAME} version 3 of frameflow-prod by footage/production id ${MARK.versionId} ` +
          'key key_3 made 2026-10-01T09:00:03.000Z check [0-9a-f]{16}$',
      ),
    );
  });

  for (const [what, before, after] of KEPT) {
    test(`keeps ${what}`, () => {
      expect(render(before)).toBe(after);
    });
  }

  test('takes the place of a value of many lines', () => {
    expect(render(`A=1\n${NAME}="old\nand\nlong" # c\nB=2\n`)).toBe(
      `A=1\n${NAME}=${VALUE} # c\nB=2\n${LINE}\n`,
    );
  });

  test('takes out the blanks around "=", which sh and Docker refuse', () => {
    expect(render(`${NAME} = old\n`)).toBe(`${NAME}=${VALUE}\n${LINE}\n`);
  });

  test('gives the value to both lines where the variable stands twice', () => {
    expect(render(`${NAME}=first\nA=1\nexport ${NAME}='last'\n`)).toBe(
      `${NAME}=${VALUE}\nA=1\nexport ${NAME}=${VALUE}\n${LINE}\n`,
    );
  });

  test('puts the mark where the last one stood, and leaves one only', () => {
    const stale = LINE.replace('version 3', 'version 1');
    const broken = `# keywarden:1 ${NAME} gibberish`;
    const later = `# keywarden:2 ${NAME} what a later release writes`;
    expect(render(`${broken}\n${NAME}=old\n${later}\n${stale}\nA=1\n`)).toBe(
      `${NAME}=${VALUE}\n${LINE}\nA=1\n`,
    );
  });

  test('leaves the marks of other variables alone, and a person’s comment that looks like one', () => {
    const other = `${LINE.replace(NAME, 'OTHER')}\n# keywarden: ${NAME} is ours\n`;
    expect(render(`${other}${NAME}=old\n`)).toBe(`${other}${NAME}=${VALUE}\n${LINE}\n`);
  });

  test('keeps bytes that are no UTF-8', () => {
    const before = Buffer.from(`A=\xe9\xff\xa0\n${NAME}=old\n`, 'latin1');
    const after = format.render(before, Secret.from(VALUE), MARK);
    expect(after.subarray(0, 6)).toEqual(before.subarray(0, 6));
    expect(after.toString('latin1')).toBe(`A=\xe9\xff\xa0\n${NAME}=${VALUE}\n${LINE}\n`);
  });

  test('keeps what it adds apart from a last line that a backslash would continue', () => {
    expect(render('A=1\\\n')).toBe(`A=1\\\n\n${NAME}=${VALUE}\n${LINE}\n`);
    expect(render('A=1\\')).toBe(`A=1\\\n\n${NAME}=${VALUE}\n${LINE}`);
  });

  test('is the same the second time', () => {
    const once = render(`A=1\r\n${NAME}=old`);
    expect(render(once)).toBe(once);
  });

  for (const value of [
    '',
    'two words',
    'a"b',
    "a'b",
    'a$b',
    'a#b',
    'a\\b',
    'a\nb',
    'a`b',
    'ü',
    'a;b',
    'a%b',
    'a~',
  ]) {
    test(`refuses ${JSON.stringify(value)}, which readers would not read alike`, () => {
      expect(codeOf(() => render('', value))).toBe('value_form');
    });
  }

  test('a refused value is not quoted', () => {
    expect(() => render('', 'planted secret')).toThrow(/^(?!.*planted).*API_KEY in \/run\/app\/\.env/);
  });
});

describe('what readers disagree on is refused, not guessed at:', () => {
  const ambiguous: ReadonlyArray<readonly [string, string]> = [
    ['a protected quote hides the variable from some', `A="x\\"\n${NAME}=old\nB="\n`],
    ['the line before is continued by a backslash', `A=1\\\n${NAME}=old\n`],
    ['the line before is continued, with a Windows ending', `A=1\\\r\n${NAME}=old\r\n`],
    ['our own line is continued by a backslash', `${NAME}=old\\\nmore\n`],
    ['a value of blanks makes Node swallow the line', `A=  \n${NAME}=old\n`],
    ['a last value of blanks would swallow what is added', 'A=  '],
    ['a name that ends with a colon', `${NAME}: old\n`],
    ['a tab behind export', `export\t${NAME}=old\n`],
    [
      'text behind a closing quote of many lines',
      `A="x\ny" z\n${NAME}=old "\n`.replace('y" z', `${NAME}=1" z`),
    ],
  ];
  for (const [what, text] of ambiguous) {
    test(what, () => {
      expect(codeOf(() => render(text))).toBe('ambiguous_file');
    });
  }

  test('zero bytes mean that it is no text', () => {
    const utf16 = Buffer.from(`${NAME}=old\n`, 'utf16le');
    expect(codeOf(() => format.parse(utf16))).toBe('not_text');
    expect(codeOf(() => format.render(utf16, Secret.from(VALUE), MARK))).toBe('not_text');
  });
});

describe('reading', () => {
  test('a missing or empty variable has no value', () => {
    expect(
      ['', 'A=1\n', `# ${NAME}=x\n`, `${NAME}=\n`, `${NAME}=""\n`, `${NAME}= # c\n`, `export ${NAME}=\n`].map(
        read,
      ),
    ).toEqual(Array.from({ length: 7 }, () => null));
  });

  test('the value is what Node reads, and the last one counts', () => {
    expect(read(`${NAME}='a b' # c\n`)).toBe('a b');
    expect(read(`export ${NAME}=é\r\n`)).toBe('é');
    expect(read(`${NAME}=1\n${NAME}=2\n`)).toBe('2');
    expect(read(`\uFEFF${NAME}=1\n`)).toBe('1');
  });

  test('a mark of any installation is read whole', () => {
    const odd = {
      installation: 'two words/ü%',
      credential: '-',
      versionId: '',
      keyId: "k'=\\",
      createdAt: 5,
    };
    for (const mark of [MARK, markOf(1, { keyId: null }), markOf(2, odd), markOf(4, { keyId: '-' })]) {
      expect(markIn(render('A=1\r\n', VALUE, mark))).toEqual(mark);
    }
  });

  test('a mark speaks only for the value that it was written for', () => {
    const ours = render('');
    expect(markIn(ours.replace(VALUE, 'edited'))).toBeNull();
    expect(markIn(ours.replace(`=${VALUE}`, '='))).toBeNull();
    expect(markIn(ours.replace(`=${VALUE}`, `="${VALUE}"`))).toEqual(MARK);
  });

  test('a damaged mark is none, and no error', () => {
    for (const [from, to] of [
      ['version 3', 'version x'],
      ['key_3', '%zz'],
      ['2026-10-01T', '2026-99-01T'],
      ['keywarden:1', 'keywarden:2'],
    ] as const) {
      const damaged = render('').replace(from, to);
      expect(damaged).toContain(to);
      expect([read(damaged), markIn(damaged)]).toEqual([VALUE, null]);
    }
  });
});

describe('all readers take the same value from what was rendered:', () => {
  const text = render("# it's\nA=1\nexport B=2\n");

  test('Node', () => {
    expect(parseEnv(text)).toEqual({ A: '1', B: '2', [NAME]: VALUE });
  });

  test('a POSIX shell', () => {
    const folder = mkdtempSync(join(tmpdir(), 'keywarden-dotenv-'));
    try {
      for (const content of [text, render('A=1\\\n'), render('A=1')]) {
        writeFileSync(join(folder, 'env'), content);
        const shell = spawnSync('sh', ['-c', `. "$1/env"; printf '%s|%s' "$A" "$${NAME}"`, 'sh', folder]);
        expect([shell.stdout.toString(), shell.stderr.toString()]).toEqual([`1|${VALUE}`, '']);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('Docker and systemd, which know a comment only at a line’s start', () => {
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines).toEqual(['A=1', 'export B=2', `${NAME}=${VALUE}`]);
  });
});
