import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadAgentConfig } from '../src/config/agent/load.ts';
import { textOf } from './tidy/repository.ts';

test('the configuration in docs/agent.md has no fault', async () => {
  const [, yaml] = /^```yaml\n(version: 1\n[\s\S]+?)^```$/m.exec(textOf('docs/agent.md')) ?? [];
  if (yaml === undefined) throw new Error('docs/agent.md has no configuration');
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-docs-'));
  try {
    const file = join(folder, 'agent.yaml');
    // The files that it names are not here: the same references, by environment variables.
    await writeFile(
      file,
      yaml.replace(/\{ file: \/run\/secrets\/([a-z]+)-[a-z.]+ \}/g, '{ env: $1_SECRET }'),
    );
    const env = {
      agent_SECRET: Buffer.alloc(32).toString('base64'),
      footage_SECRET: 'token',
      local_SECRET: 'other',
    };
    const { config, warnings } = await loadAgentConfig({ files: [file], env, cwd: folder });
    expect(warnings).toEqual([]);
    expect(Object.keys(config.credentials)).toEqual(['frameflow-prod']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
