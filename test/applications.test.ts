import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { call } from '../src/api/testing/call.ts';
import { TOKENS, type World, world } from '../src/api/testing/world.ts';
import { textOf } from './tidy/repository.ts';

/*
 * The programs of docs/applications.md, as they stand there, against a real API. Between them and the API stands a relay that
 * can be cut; the provider is one that accepts what it is told to.
 */

type Example = {
  readonly language: string;
  /** What must be there to run it. */
  readonly needs: readonly string[];
  readonly file: string;
  /** Beside the program: asks it for a request at each line of standard input, and prints status and answer. */
  readonly driver: { readonly file: string; readonly text: string };
  readonly build?: readonly [string, ...string[]];
  readonly run: readonly [string, ...string[]];
};

const EXAMPLES: readonly Example[] = [
  {
    language: 'js',
    needs: [],
    file: 'key.mjs',
    driver: {
      file: 'main.mjs',
      text: `import { createInterface } from 'node:readline';
import { request } from './key.mjs';
for await (const _ of createInterface(process.stdin)) {
  const answer = await request('/');
  process.stdout.write(answer.status + ' ' + (await answer.text()) + '\\n');
}
process.exit();
`,
    },
    run: [process.execPath, 'main.mjs'],
  },
  {
    language: 'python',
    needs: ['python3'],
    file: 'key.py',
    driver: {
      file: 'main.py',
      text: `import sys
from urllib.error import HTTPError
from key import request
for line in sys.stdin:
    try:
        with request("/") as answer:
            print(answer.status, answer.read().decode(), flush=True)
    except HTTPError as error:
        print(error.code, error.read().decode(), flush=True)
`,
    },
    run: ['python3', 'main.py'],
  },
  {
    language: 'go',
    needs: ['go'],
    file: 'key.go',
    driver: {
      file: 'main.go',
      text: `package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := load("", ""); err != nil {
		panic(err)
	}
	go follow()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		answer, err := request(os.Getenv("FRAMEFLOW_URL") + "/")
		if err != nil {
			fmt.Println(err)
			continue
		}
		text, _ := io.ReadAll(answer.Body)
		fmt.Println(answer.StatusCode, string(text))
	}
}
`,
    },
    build: ['go', 'build', '-o', 'main', 'main.go', 'key.go'],
    run: ['./main'],
  },
  {
    language: 'sh',
    needs: ['sh', 'curl', 'mktemp', 'sed'],
    file: 'key.sh',
    driver: {
      file: 'main.sh',
      text: `. ./key.sh
while read -r line; do
  status=$(request "$FRAMEFLOW_URL/" "$kept/answer")
  echo "$status $(cat "$kept/answer")"
done
`,
    },
    run: ['sh', 'main.sh'],
  },
];

const found = (command: string): boolean => {
  try {
    execFileSync(command, [command === 'go' ? 'version' : '--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    // dash knows no --version; what is missing is another error.
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
  }
};
const here = EXAMPLES.filter(({ needs }) => needs.every(found));
const missing = EXAMPLES.filter((example) => !here.includes(example)).map(({ language }) => language);

const PATIENCE = { timeout: 60_000, interval: 100 };

/** What the relay lets through. */
type Relay = 'all' | 'nothing' | 'no long poll';

let w: World;
let folder: string;
let relay: Relay = 'all';
/** The key that the provider accepts; null: any. */
let accepted: string | null = null;
const servers: Server[] = [];

/** What is under way is cut off too. */
function cut(to: Relay): void {
  relay = to;
  for (const server of servers) server.closeAllConnections();
}

beforeAll(async () => {
  w = await world();
  folder = await mkdtemp(join(tmpdir(), 'kw-'));
  await writeFile(join(folder, 'token'), `${TOKENS.app}\n`, { mode: 0o600 });
});
afterAll(async () => {
  cut('nothing');
  for (const server of servers) server.close();
  await w[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function listening(server: Server): Promise<string> {
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** To the API, where the credential of the documentation has another name. */
function relayServer(): Server {
  return createServer((incoming, outgoing) => {
    const polls = incoming.url?.includes('wait=') === true;
    if (relay === 'nothing' || (relay === 'no long poll' && polls)) return outgoing.destroy();
    const path = (incoming.url ?? '').replace('/frameflow-prod/', '/mine/');
    const passed = request(new URL(path, w.api.address), { headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    outgoing.on('close', () => passed.destroy());
    passed.end();
  });
}

/** Tells the caller its key, where it accepts it. */
function provider(): Server {
  return createServer(({ headers }, answer) => {
    const key = headers.authorization?.replace('Bearer ', '') ?? '';
    answer.writeHead(accepted === null || key === accepted ? 200 : 401).end(key);
  });
}

/** A running example. */
class Program {
  readonly #child: ChildProcess;
  readonly #language: string;
  readonly #lines: string[] = [];
  #said = '';

  constructor(example: Example, cwd: string, env: Readonly<Record<string, string>>) {
    const [command, ...args] = example.run;
    this.#language = example.language;
    this.#child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    let text = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      this.#lines.push(...lines);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#said += chunk;
    });
  }

  /** `200 ff_live_…`: what the provider answers to the program's request. */
  async ask(): Promise<string> {
    const before = this.#lines.length;
    this.#child.stdin?.write('\n');
    const answered = () => this.#lines.length > before || this.#child.exitCode !== null;
    await vi.waitUntil(answered, PATIENCE).catch(() => {
      throw new Error(`the example in ${this.#language} does not answer: ${this.#said}`);
    });
    return this.#lines[before] ?? `it ended: ${this.#said}`;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }
}

async function start(example: Example, env: Readonly<Record<string, string>>): Promise<Program> {
  const { language, file, driver } = example;
  const [, code] =
    new RegExp(`^\`\`\`${language}\\n([\\s\\S]+?)^\`\`\`$`, 'm').exec(textOf('docs/applications.md')) ?? [];
  if (code === undefined) throw new Error(`docs/applications.md has no block of ${language}`);
  const cwd = await mkdtemp(join(folder, `${language}-`));
  await writeFile(join(cwd, file), code);
  await writeFile(join(cwd, driver.file), driver.text);
  const [compiler, ...args] = example.build ?? [];
  if (compiler !== undefined) await promisify(execFile)(compiler, args, { cwd, env });
  return new Program(example, cwd, env);
}

/** Makes a new version current, and gives its value. */
async function rotate(): Promise<string> {
  const before = (await w.engine.values.read('mine'))?.version.id;
  const body = { emergency: true };
  const asked = await call(w.api.address, '/v1/credentials/mine/rotate', {
    method: 'POST',
    token: 'operator',
    body,
  });
  expect(asked.status, asked.text).toBe(202);
  await w.until(async () => (await w.engine.values.read('mine'))?.version.id !== before);
  return (await w.engine.values.read('mine'))?.value.reveal() ?? '';
}

test(`left out, for want of something that runs them: ${missing.join(', ') || 'no example'}`, () => {
  expect([...here.map(({ language }) => language), ...missing].toSorted()).toEqual([
    'go',
    'js',
    'python',
    'sh',
  ]);
  expect(here.map(({ language }) => language)).toContain('js');
});

test(`the examples (${here.map(({ language }) => language).join(', ')}) always have the newest key`, async () => {
  const env = {
    PATH: [join(process.execPath, '..'), process.env.PATH].join(delimiter),
    HOME: process.env.HOME ?? folder,
    XDG_RUNTIME_DIR: folder,
    KEYWARDEN_URL: await listening(relayServer()),
    KEYWARDEN_TOKEN_FILE: join(folder, 'token'),
    FRAMEFLOW_URL: await listening(provider()),
  };
  const first = (await w.engine.values.read('mine'))?.value.reveal();
  const programs = await Promise.all(here.map((example) => start(example, env)));
  const all = () => Promise.all(programs.map((program) => program.ask()));
  const each = (answer: string) => here.map(() => answer);
  const arrived = (answer: string) =>
    vi.waitFor(async () => expect(await all()).toEqual(each(answer)), PATIENCE);
  try {
    expect(await all()).toEqual(each(`200 ${first}`));
    await arrived(`200 ${await rotate()}`);

    // Replaced, and not yet told: the provider's refusal makes them ask.
    cut('no long poll');
    const second = await rotate();
    accepted = second;
    expect(await all()).toEqual(each(`200 ${second}`));

    cut('nothing');
    const third = await rotate();
    accepted = third;
    expect(await all()).toEqual(each(`401 ${second}`));
    accepted = null;
    expect(await all()).toEqual(each(`200 ${second}`));

    relay = 'all';
    await arrived(`200 ${third}`);
  } finally {
    await Promise.all(programs.map((program) => program.end()));
  }
}, 240_000);
