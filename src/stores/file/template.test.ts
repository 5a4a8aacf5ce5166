import { mkdtemp, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFiles } from '../../files/index.ts';
import { EdgeError, type Files, Secret } from '../../model/index.ts';
import type { Store } from '../contract.ts';
import { edgeErrorOf, markOf } from '../parts.suite.ts';
import { storeOn, targetOf } from './store.suite.ts';

const TEMPLATE = 'assets = "{{frameflow-prod}}"\nsearch = "{{ stockflow-search }}"\n';

describe('a file rendered from a template', () => {
  let folder: string;
  let file: string;
  let source: string;
  let store: Store<ReturnType<typeof targetOf>>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keywarden-template-'));
    file = join(folder, 'app.toml');
    source = join(folder, 'app.toml.tmpl');
    await writeFile(source, TEMPLATE);
    ({ store } = storeOn(createFiles()));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const NAMES = ['frameflow-prod', 'stockflow-search'];
  const placeOf = (credential: string) =>
    targetOf({ file, format: 'template', template: source }, { credential, credentials: NAMES });
  const publish = async (credential: string, value: string, number = 1, at = store) => {
    const target = placeOf(credential);
    const mark = markOf(number, { credential, versionId: `${credential}-${number}` });
    await at.publish(target, Secret.from(value), mark, await at.readBack(target));
  };
  const held = async (credential: string, at = store) => {
    const found = await at.readBack(placeOf(credential));
    return [found?.value?.reveal() ?? null, found?.mark?.number ?? null];
  };
  const refusal = async (credential = 'frameflow-prod') =>
    (await edgeErrorOf(store.preflight(placeOf(credential)))).failure;
  const text = () => readFile(file, 'utf8');

  test('takes each credential by itself; a place without a value stays empty until its own comes', async () => {
    await publish('frameflow-prod', 'k1');
    expect(await text()).toBe('assets = "k1"\nsearch = ""\n');
    expect(await held('stockflow-search')).toEqual([null, null]);
    await publish('stockflow-search', 's1', 4);
    await publish('frameflow-prod', 'k2', 2);
    expect(await text()).toBe('assets = "k2"\nsearch = "s1"\n');
    expect([await held('frameflow-prod'), await held('stockflow-search')]).toEqual([
      ['k2', 2],
      ['s1', 4],
    ]);
  });

  test('has no value in its notes', async () => {
    await publish('frameflow-prod', 'ff_live_planted1');
    const notes = await readFile(join(folder, '.app.toml.keywarden'), 'utf8');
    expect(notes).toContain('frameflow-prod');
    expect(notes).not.toContain('planted');
  });

  test('is rendered anew once the template has changed, with the values that stand in it', async () => {
    await publish('frameflow-prod', 'k1');
    await publish('stockflow-search', 's1');
    await writeFile(
      source,
      '# new\n[keys]\nsearch: {{stockflow-search}}\nassets: {{frameflow-prod}} {{frameflow-prod}}\n',
    );
    expect(await store.readBack(placeOf('frameflow-prod'))).toMatchObject({
      mark: { number: 1 },
      outdated: true,
    });
    await store.preflight(placeOf('frameflow-prod'));
    await publish('frameflow-prod', 'k1');
    expect(await text()).toBe('# new\n[keys]\nsearch: s1\nassets: k1 k1\n');
    expect(await held('stockflow-search')).toEqual(['s1', 1]);
    expect(await store.readBack(placeOf('stockflow-search'))).toMatchObject({ outdated: false });
  });

  test('is read by the template it was rendered from, also where the process died before it was replaced', async () => {
    await writeFile(source, 'a={{frameflow-prod}};s={{stockflow-search}}');
    await publish('frameflow-prod', 'k1');
    await publish('stockflow-search', 's1');
    // The old file could pass for a rendering of the new template.
    await writeFile(source, 'a={{frameflow-prod}}');
    const real = createFiles();
    const dying: Files = {
      ...real,
      replace: (path, content, options) =>
        path === file
          ? Promise.reject(new EdgeError({ code: 'io_error', verdict: 'unknown', message: 'died' }))
          : real.replace(path, content, options),
    };
    await edgeErrorOf(publish('frameflow-prod', 'k2', 2, storeOn(dying).store));
    expect(await held('frameflow-prod', storeOn(real).store)).toEqual(['k1', 1]);
    await publish('frameflow-prod', 'k2', 2);
    expect([await text(), await held('frameflow-prod')]).toEqual(['a=k2', ['k2', 2]]);
  });

  test('is taken over where a person has rendered it, and left alone where its text is another', async () => {
    await writeFile(file, 'assets = "theirs1"\nsearch = "theirs2"\n');
    expect([await held('frameflow-prod'), await held('stockflow-search')]).toEqual([
      ['theirs1', null],
      ['theirs2', null],
    ]);
    await publish('frameflow-prod', 'k1');
    expect(await text()).toBe('assets = "k1"\nsearch = "theirs2"\n');
    await writeFile(file, `# mine\n${await text()}`);
    for (const act of [
      () => store.readBack(placeOf('frameflow-prod')),
      () => store.preflight(placeOf('frameflow-prod')),
      () => publish('stockflow-search', 's1'),
    ]) {
      expect((await edgeErrorOf(act())).failure).toMatchObject({
        code: 'not_rendered',
        verdict: 'permanent',
      });
    }
    expect(await text()).toContain('# mine');
  });

  test('of which somebody changed one of two places has lost that value’s mark', async () => {
    await writeFile(source, '{{frameflow-prod}}\n{{frameflow-prod}}\n');
    await publish('frameflow-prod', 'k1');
    for (const changed of ['k1\ntheirs\n', 'theirs\nk1\n']) {
      await writeFile(file, changed);
      expect(await held('frameflow-prod')).toEqual(['theirs', null]);
    }
  });

  test('keeps what another installation has in it and our template has no place for', async () => {
    await publish('frameflow-prod', 'k1');
    const theirs = markOf(9, { installation: 'footage/staging', credential: 'stockflow-search' });
    await store.publish(
      placeOf('stockflow-search'),
      Secret.from('s9'),
      theirs,
      await store.readBack(placeOf('stockflow-search')),
    );
    await writeFile(source, 'assets = "{{frameflow-prod}}"\n');
    expect((await edgeErrorOf(publish('frameflow-prod', 'k2', 2))).failure.code).toBe('foreign_owner');
    expect(await text()).toContain('s9');
  });

  test.each([
    ['nothing between two places', '{{frameflow-prod}}{{stockflow-search}}', 'line 1'],
    ['a place of a stranger', 'a\n{{frameflow-prod}} {{unknown}}', 'line 2'],
    ['no place for the credential', '{{stockflow-search}}', '{{frameflow-prod}}'],
    ['what is no text', Buffer.from([0xff, 0x7b, 0x7b]), 'UTF-8'],
  ])('cannot be made from one with %s', async (_what, content, said) => {
    await writeFile(source, content);
    expect(await refusal()).toMatchObject({
      code: 'template_unusable',
      verdict: 'permanent',
      message: expect.stringContaining(said),
    });
    expect((await edgeErrorOf(publish('frameflow-prod', 'k1'))).failure.code).toBe('template_unusable');
  });

  test('is still read while the template is away, and cannot be written', async () => {
    await publish('frameflow-prod', 'k1');
    await unlink(source);
    expect(await held('frameflow-prod')).toEqual(['k1', 1]);
    expect(await refusal()).toMatchObject({ code: 'template_unusable' });
  });

  test('may have its template behind a link, as Kubernetes mounts what it keeps', async () => {
    await rename(source, join(folder, '..data'));
    await symlink('..data', source);
    await publish('frameflow-prod', 'k1');
    expect(await held('frameflow-prod')).toEqual(['k1', 1]);
  });

  test('takes no value that the text around it would change or end', async () => {
    await writeFile(source, 'a={{frameflow-prod}}:b={{stockflow-search}}\n');
    await publish('stockflow-search', 's1');
    for (const value of ['planted "k"', 'planted\\', 'planted\nk', 'plänted', '', 'planted:b=x']) {
      const error = await edgeErrorOf(publish('frameflow-prod', value));
      expect(error.failure).toMatchObject({ code: 'value_form', verdict: 'permanent' });
      expect(error.message).not.toContain('planted');
    }
    expect(await text()).toBe('a=:b=s1\n');
  });

  test('of which values cannot be told apart is refused', async () => {
    await writeFile(source, 'a={{frameflow-prod}}:{{stockflow-search}}\n');
    await writeFile(file, 'a=k:s:t\n');
    expect((await edgeErrorOf(store.readBack(placeOf('frameflow-prod')))).failure.code).toBe(
      'ambiguous_file',
    );
  });
});
