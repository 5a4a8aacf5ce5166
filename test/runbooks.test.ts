import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { makeProgram } from '../src/cli/program.ts';
import { ALERT_KINDS } from '../src/model/index.ts';
import { textOf } from './tidy/repository.ts';
import { ROOT } from './tidy/source.ts';

const FOLDER = 'docs/runbooks';
/** Nobody is woken by a test. */
const KINDS = ALERT_KINDS.filter((kind) => kind !== 'test');
const files = readdirSync(join(ROOT, FOLDER)).toSorted();

/** What a tired person looks for, in this order. */
const PARTS = [
  '**How urgent:** ',
  '**What breaks, and when:** ',
  '**What Keywarden does:** ',
  '## What to do now\n\n1. ',
  '**It is over when** ',
  '**Whom to call:** ',
];

test('every kind of alert has its runbook, and nothing else has one', () => {
  expect(files).toEqual([...KINDS.map((kind) => `${kind}.md`), 'README.md'].toSorted());
});

test('the index names every runbook once', () => {
  const index = textOf(`${FOLDER}/README.md`);
  const named = [...index.matchAll(/^\| \[([a-z-]+)\]\(([a-z-]+)\.md\)/gm)].map(([, text, file]) => {
    expect(file).toBe(text);
    return text;
  });
  expect(named.toSorted()).toEqual(KINDS.toSorted());
});

describe.each(KINDS)('the runbook of %s', (kind) => {
  const text = () => textOf(`${FOLDER}/${kind}.md`);

  test('is short and has every part, in order', () => {
    expect(text().startsWith(`# ${kind}\n\n`)).toBe(true);
    expect(text().split('\n').length).toBeLessThanOrEqual(41);
    const places = PARTS.map((part) => text().indexOf(part));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
  });
});

describe.each(files)('%s', (file) => {
  const path = `${FOLDER}/${file}`;

  test('names only commands that there are, with options that they take', async () => {
    const faults: string[] = [];
    for (const line of commandsIn(textOf(path))) {
      const fault = await faultOf(line);
      if (fault !== null) faults.push(`${line}: ${fault}`);
    }
    expect(faults).toEqual([]);
  });

  test('leads only to files that there are', () => {
    const links = [...textOf(path).matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target = '']) => target);
    expect(links.filter((target) => !files.includes(target))).toEqual([]);
  });
});

test('a command that there is not would be noticed', async () => {
  expect(await faultOf('keywarden rotate NAME --force')).toContain("unknown option '--force'");
  expect(await faultOf('keywarden repair NAME')).toContain("unknown command 'repair'");
  expect(await faultOf('keywarden rotation ID repeat')).toContain("'repeat' is invalid");
  expect(await faultOf('keywarden rotation ID')).toContain("missing required argument 'way'");
  expect(await faultOf('keywarden alerts acknowledge ID')).toContain("unknown command 'acknowledge'");
  expect(commandsIn('run `keywarden\nstatus` or `ls`')).toEqual(['keywarden status']);
});

function commandsIn(text: string): string[] {
  return [...text.matchAll(/`(keywarden\s[^`]+)`/g)].map(([, line = '']) => line.replace(/\s+/g, ' '));
}

/** What the command line itself says of a command; nothing is run. */
async function faultOf(line: string): Promise<string | null> {
  const [, ...args] = words(line.replace(/ < .*$/, ''));
  const program = makeProgram(args, async () => {});
  for (const command of [
    program,
    ...program.commands,
    ...program.commands.flatMap(({ commands }) => commands),
  ])
    command.configureOutput({ writeErr() {}, writeOut() {} });
  try {
    await program.parseAsync(args, { from: 'user' });
    return null;
  } catch (error) {
    if (error instanceof CommanderError) return error.message;
    throw error;
  }
}

/** As a shell would part them, with double quotes alone. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}
