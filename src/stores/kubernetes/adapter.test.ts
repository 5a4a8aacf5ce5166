import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { storeContract } from '../contract.suite.ts';
import { edgeErrorOf, endingEach, expectNoSecret, markOf } from '../parts.suite.ts';
import type { FakeFault } from '../testing/fake-service.ts';
import { type FakeRequest, status } from './fake.ts';
import { type KubernetesWorld, NAME, startKubernetesWorld, TARGET } from './testing.ts';

storeContract('Kubernetes', () => startKubernetesWorld());

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const base64 = (text: string) => Buffer.from(text).toString('base64');
const ending = endingEach();

async function start(): Promise<KubernetesWorld> {
  const world = await startKubernetesWorld();
  ending(world);
  return world;
}

/** `change` happens right before the server looks at the write. */
function beforeTheWrite({ cluster }: KubernetesWorld, change: () => void): void {
  cluster.fault = ({ method, query }) => {
    if (method === 'PATCH' && query.dryRun === undefined) change();
    return null;
  };
}

function answering({ cluster }: KubernetesWorld, wanted: 'GET' | 'PATCH', answer: FakeFault): void {
  cluster.fault = ({ method }) => (method === wanted ? answer : null);
}

type Intent = {
  metadata: { uid?: string; resourceVersion?: string; annotations: Record<string, string> };
  data: Record<string, string>;
};

const lastIntent = ({ cluster }: KubernetesWorld) => cluster.requests.at(-1)?.body as Intent;

type Shown = {
  metadata: {
    uid: string;
    resourceVersion: string;
    annotations: Record<string, string>;
    managedFields: { manager: string; operation: string; fieldsV1: string[] }[];
  };
  data: Record<string, string>;
};

const shown = ({ cluster }: KubernetesWorld) => cluster.secret(NAME) as unknown as Shown;

async function failureOf(action: Promise<unknown>) {
  const { code, verdict, retryAfterMs, message } = (await edgeErrorOf(action)).failure;
  return { code, verdict, retryAfterMs, message };
}

describe('A key of a Secret', () => {
  test('is applied by the request that the documentation describes', async () => {
    const world = await start();
    const { store, cluster } = world;
    cluster.edit(NAME, { user: 'svc' });
    const { uid, resourceVersion } = shown(world).metadata;
    await store.publish(TARGET, KEY, markOf(1), await store.readBack(TARGET));
    const { method, path, query, headers } = cluster.requests.at(-1) as FakeRequest;
    expect([method, path]).toEqual(['PATCH', '/api/v1/namespaces/footage/secrets/frameflow']);
    expect(query).toEqual({ fieldManager: expect.stringMatching(/^keywarden-[0-9a-f]{16}$/), force: 'true' });
    expect(headers).toMatchObject({
      'content-type': 'application/apply-patch+yaml',
      accept: 'application/json',
      authorization: `Bearer ${world.planted[0]}`,
    });
    expect(lastIntent(world)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'frameflow',
        namespace: 'footage',
        uid,
        resourceVersion,
        annotations: { 'keywarden/api_key': expect.any(String) },
      },
      data: { api_key: base64(KEY.reveal()) },
    });
  });

  test('is marked in an annotation that people can read and that holds no secret', async () => {
    const world = await start();
    await world.store.publish(TARGET, KEY, markOf(3), null);
    const note = shown(world).metadata.annotations['keywarden/api_key'] ?? '';
    expect(JSON.parse(note)).toMatchObject({
      installation: 'footage/production',
      credential: 'frameflow-prod',
      version: 3,
      key_id: 'key_3',
    });
    expectNoSecret(note, [KEY.reveal()]);
  });

  test('is not ours where its mark was copied from another value', async () => {
    const world = await start();
    await world.store.publish(TARGET, KEY, markOf(1), null);
    world.cluster.edit(NAME, { api_key: 'another-value' });
    expect(await world.store.readBack(TARGET)).toMatchObject({ mark: null });
    world.cluster.edit(NAME, { api_key: KEY.reveal() });
    expect((await world.store.readBack(TARGET))?.mark?.number).toBe(1);
  });

  test('that holds nothing reads as empty', async () => {
    const world = await start();
    world.cluster.edit(NAME, { api_key: '' });
    expect(await world.store.readBack(TARGET)).toMatchObject({ value: null, mark: null });
  });

  test('may hold any bytes', async () => {
    const { store } = await start();
    const bytes = Secret.from(new Uint8Array([0, 255, 254, 128, 10]));
    const mark = markOf(1);
    await store.publish(TARGET, bytes, mark, null);
    const found = await store.readBack(TARGET);
    expect([found?.value?.equals(bytes), found?.mark]).toEqual([true, mark]);
  });

  test('may have any name that Kubernetes allows, and each name has an annotation of its own', async () => {
    const world = await start();
    const keys = ['.dockerconfigjson', 'tls.key', '_x', 'a'.repeat(253), 'a'.repeat(252), 'sha256-0', 'A'];
    for (const [index, key] of keys.entries()) {
      const target = { ...TARGET, key };
      const mark = markOf(index + 1);
      await world.store.publish(target, KEY, mark, await world.store.readBack(target));
      expect((await world.store.readBack(target))?.mark).toEqual(mark);
    }
    expect(Object.keys(shown(world).metadata.annotations)).toHaveLength(keys.length);
    expect(Object.keys(shown(world).data).toSorted()).toEqual(keys.toSorted());
  });
});

describe('Two destinations in one Secret', () => {
  const other = { ...TARGET, key: 'other_key' };

  test('have a field manager each, so that an apply of one takes nothing from the other', async () => {
    const world = await start();
    const { store } = world;
    for (const number of [1, 2, 3]) {
      for (const target of [TARGET, other]) {
        await store.publish(target, KEY, markOf(number), await store.readBack(target));
      }
    }
    const { data, metadata } = shown(world);
    expect(Object.keys(data)).toEqual(['api_key', 'other_key']);
    expect(metadata.managedFields.map(({ operation, fieldsV1 }) => [operation, fieldsV1])).toEqual([
      ['Apply', ['.data.api_key', '.metadata.annotations.keywarden/api_key']],
      ['Apply', ['.data.other_key', '.metadata.annotations.keywarden/other_key']],
    ]);
    expect(new Set(metadata.managedFields.map(({ manager }) => manager)).size).toBe(2);
  });

  test('do not hinder one another where the Secret is created by both at once', async () => {
    const world = await start();
    const { store } = world;
    beforeTheWrite(world, () => {
      world.cluster.fault = null;
      world.cluster.edit(NAME, { other_key: 'theirs' }, 'somebody');
    });
    await store.publish(TARGET, KEY, markOf(1), null);
    expect(shown(world).data).toEqual({ api_key: base64(KEY.reveal()), other_key: base64('theirs') });
  });
});

describe('A change of another key between our read and our write', () => {
  test('costs a repeat and is no conflict', async () => {
    const world = await start();
    world.cluster.edit(NAME, { user: 'svc' });
    const found = await world.store.readBack(TARGET);
    world.cluster.edit(NAME, { user: 'svc-2' });
    beforeTheWrite(world, () => {
      world.cluster.fault = null;
      world.cluster.edit(NAME, { user: 'svc-3' });
    });
    await world.store.publish(TARGET, KEY, markOf(1), found);
    expect(shown(world).data).toEqual({ api_key: base64(KEY.reveal()), user: base64('svc-3') });
    expect(world.cluster.requests.filter(({ method }) => method === 'PATCH')).toHaveLength(2);
  });

  test('again and again is a conflict in the end', async () => {
    const world = await start();
    world.cluster.edit(NAME, { user: 'svc' });
    const found = await world.store.readBack(TARGET);
    beforeTheWrite(world, () => world.cluster.edit(NAME, { user: 'svc' }));
    expect(await failureOf(world.store.publish(TARGET, KEY, markOf(1), found))).toMatchObject({
      code: 'conflict',
      verdict: 'retryable',
    });
    expect(shown(world).data).toEqual({ user: base64('svc') });
  });
});

describe('What others have written', () => {
  test('keeps its value and its owner', async () => {
    const world = await start();
    world.cluster.edit(NAME, { user: 'svc', port: '5432' });
    await world.store.publish(TARGET, KEY, markOf(1), await world.store.readBack(TARGET));
    expect(shown(world).data).toMatchObject({ user: base64('svc'), port: base64('5432') });
    expect(shown(world).metadata.managedFields).toContainEqual(
      expect.objectContaining({ manager: 'kubectl-edit', fieldsV1: ['.data.port', '.data.user'] }),
    );
  });

  test('in our key is taken over where the caller has read it', async () => {
    const world = await start();
    world.cluster.edit(NAME, { api_key: 'by-hand' });
    await world.store.publish(TARGET, KEY, markOf(1), await world.store.readBack(TARGET));
    expect(shown(world).metadata.managedFields.map(({ operation }) => operation)).toEqual(['Apply']);
    expect((await world.store.readBack(TARGET))?.mark?.number).toBe(1);
  });

  test('in our key between our read and our write is a conflict, whether or not there was a Secret', async () => {
    for (const existing of [false, true]) {
      const world = await start();
      if (existing) world.cluster.edit(NAME, { user: 'svc' });
      const found = await world.store.readBack(TARGET);
      beforeTheWrite(world, () => world.cluster.edit(NAME, { api_key: 'by-hand' }));
      expect(await failureOf(world.store.publish(TARGET, KEY, markOf(1), found))).toMatchObject({
        code: 'conflict',
        verdict: 'retryable',
      });
      expect(shown(world).data.api_key).toBe(base64('by-hand'));
    }
  });

  test('was deleted between our read and our write: a conflict, and nothing is made anew', async () => {
    const world = await start();
    world.cluster.edit(NAME, { user: 'svc' });
    const found = await world.store.readBack(TARGET);
    beforeTheWrite(world, () => world.cluster.delete(NAME));
    expect(await failureOf(world.store.publish(TARGET, KEY, markOf(1), found))).toMatchObject({
      code: 'conflict',
      verdict: 'retryable',
    });
    expect(world.cluster.secret(NAME)).toBe(null);
  });

  test('was deleted and made anew under the same name since the caller read it: a conflict', async () => {
    const world = await start();
    world.cluster.edit(NAME, { user: 'svc' });
    const found = await world.store.readBack(TARGET);
    world.cluster.delete(NAME);
    world.cluster.edit(NAME, { user: 'other' });
    expect(await failureOf(world.store.publish(TARGET, KEY, markOf(1), found))).toMatchObject({
      code: 'conflict',
    });
  });
});

describe('Preflight', () => {
  test('is a dry run of the very request, with what is there already', async () => {
    const world = await start();
    await world.store.publish(TARGET, KEY, markOf(1), null);
    await world.store.preflight(TARGET);
    const [publish, , preflight] = world.cluster.requests.slice(-3) as FakeRequest[];
    expect(preflight?.query).toEqual({
      fieldManager: publish?.query.fieldManager,
      force: 'true',
      dryRun: 'All',
    });
    expect((preflight?.body as Intent | undefined)?.data).toEqual({ api_key: base64(KEY.reveal()) });
  });

  test.each(['get', 'patch', 'create'])('names the missing right to %s, and where', async (verb) => {
    const { store, cluster } = await start();
    cluster.rights.delete(verb);
    const { code, verdict, message } = await failureOf(store.preflight(TARGET));
    expect([code, verdict]).toEqual(['denied', 'permanent']);
    expect(message).toContain(`may not ${verb} secrets in namespace footage`);
  });

  test('needs no right to create where the Secret is there', async () => {
    const { store, cluster } = await start();
    cluster.edit(NAME, { user: 'svc' });
    cluster.rights.delete('create');
    await store.preflight(TARGET);
  });

  test('finds a namespace that is missing, which a read does not tell from an empty one', async () => {
    const { store } = await start();
    const elsewhere = { ...TARGET, namespace: 'nowhere' };
    expect(await store.readBack(elsewhere)).toBe(null);
    for (const act of [store.preflight(elsewhere), store.publish(elsewhere, KEY, markOf(1), null)]) {
      const { code, verdict, message } = await failureOf(act);
      expect([code, verdict]).toEqual(['no_namespace', 'permanent']);
      expect(message).toContain('there is no namespace nowhere');
    }
  });

  test('passes where an admission webhook cannot be asked without effect', async () => {
    const world = await start();
    const message = 'admission webhook "audit.example.com" does not support dry run';
    answering(world, 'PATCH', status(400, 'BadRequest', message));
    await world.store.preflight(TARGET);
    answering(world, 'PATCH', status(400, 'BadRequest', 'anything else'));
    expect(await failureOf(world.store.preflight(TARGET))).toMatchObject({ code: 'refused' });
  });
});
