import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { start } from '../testing/cli.ts';

/** An API of one credential that holds who has its version, and takes one token at a time. */
async function api(first: string) {
  const held: ServerResponse[] = [];
  let [token, version] = [first, 1];
  const answer = (response: ServerResponse, status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/json', etag: `"${version}"` });
    response.end(JSON.stringify(body));
  };
  const give = (response: ServerResponse) => answer(response, 200, { version, value: `value-${version}` });
  const server = createServer(({ headers }, response) => {
    if (headers.authorization !== `Bearer ${token}`)
      return answer(response, 401, { detail: 'this token is not known here' });
    if (headers['if-none-match'] === `"${version}"`) held.push(response);
    else give(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Another token, and a newer version for who has it. */
    replace: (next: string) => {
      [token, version] = [next, version + 1];
      for (const response of held.splice(0))
        answer(response, 401, { detail: 'this token is not known here' });
    },
  };
}

test('a token that is replaced in its file is taken up once the old one is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kw-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'token');
  await writeFile(file, 'first-token\n', { mode: 0o600 });
  const { url, replace } = await api('first-token');
  const args = ['--restart', '--url', url, '--token-file', file];
  const script = 'echo "up $KEY"; [ "$KEY" = value-2 ] || while :; do sleep 0.1; done';
  const command = start(['exec', ...args, 'KEY=frameflow-prod', '--', 'sh', '-c', script]);
  await command.line(/^up value-1$/);
  replace('second-token');
  await command.line(
    /^keywarden exec: this token is not known here; the command goes on with the value it has$/,
  );
  await writeFile(file, 'second-token\n', { mode: 0o600 });
  const { code, stdout, stderr } = await command.ended;
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'up value-1\nup value-2\n' });
  expect(stderr.trimEnd().split('\n').slice(1)).toEqual([
    'keywarden exec: the daemon answers again',
    'keywarden exec: frameflow-prod has a new version, 2: sh is started anew',
  ]);
  for (const token of ['first-token', 'second-token']) expect(stdout + stderr).not.toContain(token);
});
