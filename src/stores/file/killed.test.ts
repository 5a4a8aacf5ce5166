import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { createFiles } from '../../files/index.ts';
import { Secret } from '../../model/index.ts';
import { markOf } from '../parts.suite.ts';
import { storeOn, targetOf } from './store.suite.ts';

const urlOf = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/** Publishes one version after the other, and says so, until it is killed. */
const PUBLISHER = `
  const { create } = await import(${urlOf('./adapter.ts')});
  const { createFiles } = await import(${urlOf('../../files/index.ts')});
  const { Secret } = await import(${urlOf('../../model/index.ts')});
  const { createHash } = await import('node:crypto');
  const target = JSON.parse(process.argv[1]);
  const digest = (...parts) => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(Buffer.byteLength(part) + ':').update(part);
    return hash.digest('hex');
  };
  const store = create({ files: createFiles(), hash: { digest }, log: {} });
  const mark = { installation: 'footage/production', credential: 'frameflow-prod', keyId: null, createdAt: 0 };
  for (let number = 1; ; number += 1) {
    const value = Secret.from('version-' + number);
    await store.publish(target, value, { ...mark, number, versionId: 'id-' + number }, await store.readBack(target));
    process.stdout.write(number + '\\n');
  }
`;

test.each([
  { format: 'dotenv', variable: 'KEY' },
  { format: 'json', field: 'key' },
  { format: 'raw' },
  { format: 'template', template: 'tmpl' },
])(
  'a process that is killed while it publishes leaves $format whole, with its mark, and nothing beside it after the next start',
  async (entry) => {
    const folder = await mkdtemp(join(tmpdir(), 'keywarden-killed-'));
    try {
      await writeFile(join(folder, 'tmpl'), 'key: {{frameflow-prod}}\n');
      const template = 'template' in entry ? { template: join(folder, 'tmpl') } : {};
      const target = targetOf(
        { ...entry, ...template, file: join(folder, 'file') },
        { credential: 'frameflow-prod' },
      );
      for (let round = 0; round < 2; round += 1) {
        const child = spawn(
          process.execPath,
          ['--input-type=module', '-e', PUBLISHER, JSON.stringify(target)],
          {
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        );
        const ended = once(child, 'close');
        let said = 0;
        for await (const line of createInterface(child.stdout)) {
          said = Number(line);
          if (said >= 3 + round) child.kill('SIGKILL');
        }
        await ended;
        const { store } = storeOn(createFiles());
        await store.tidy?.([target]);
        const found = await store.readBack(target);
        // It may have published one more than it came to say.
        expect([said, said + 1]).toContain(found?.mark?.number);
        expect(found?.value?.reveal()).toBe(`version-${found?.mark?.number}`);
        expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
        await store.publish(target, Secret.from('version-0'), markOf(0), found);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
