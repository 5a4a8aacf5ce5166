import { ADMINS, connect } from './connect.ts';
import { CommandError, EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { print, printJson, tell } from './terminal.ts';

/** The API takes no longer value. */
const LONGEST = 16_384;

/** After this long without a byte a person is told what is waited for, ms. */
const HINT_AFTER = 2_000;

/** The daemon tries the value at the provider before it answers. */
const DEADLINE = 60_000;

/** Hands over the key on standard input; without one asks the daemon to look again in the destinations. */
export async function adopt(name: string, options: RemoteOptions): Promise<number> {
  const client = await connect(options, ADMINS);
  const value = process.stdin.isTTY ? '' : await readStandardInput();
  const path = `/v1/credentials/${encodeURIComponent(name)}/adopt`;
  const answer = await client.post<{ version?: { number: number; keyId: string | null } }>(path, {
    body: value === '' ? {} : { value },
    deadlineMs: DEADLINE,
  });
  if (options.json) printJson(answer);
  else if (answer.version === undefined) {
    print(
      `${name}: looking for the newest working key in its destinations; \`keywarden status\` shows the outcome`,
    );
  } else {
    const { number, keyId } = answer.version;
    print(
      `${name}: the key ${keyId ?? 'given'} is accepted; it is version ${number} and goes to every destination`,
    );
  }
  return EXIT.done;
}

/** A line end after the key is not part of it. */
async function readStandardInput(): Promise<string> {
  const hint = setTimeout(
    () => tell('reading the key from standard input (give </dev/null to look in the destinations instead)'),
    HINT_AFTER,
  );
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > LONGEST)
        throw new CommandError(EXIT.usage, 'standard input is longer than any key (16 KB)');
    }
    return Buffer.concat(chunks)
      .toString('utf8')
      .replace(/\r?\n$/, '');
  } finally {
    clearTimeout(hint);
  }
}
