import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { makeCa } from '../../net/testing/index.ts';
import { edgeErrorOf, endingEach, expectNoSecret, markOf } from '../parts.suite.ts';
import type { FakeKubernetes } from './fake.ts';
import { parseKubeconfig } from './kubeconfig.ts';
import {
  ca,
  type KubernetesWorld,
  type KubernetesWorldOptions,
  startKubernetesWorld,
  TARGET,
} from './testing.ts';

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const CA = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const ending = endingEach();

async function start(options: KubernetesWorldOptions = {}): Promise<KubernetesWorld> {
  const world = await startKubernetesWorld(options);
  ending(world);
  return world;
}

const outcome = async (action: Promise<unknown>) => {
  const { code, verdict } = (await edgeErrorOf(action)).failure;
  return `${code} ${verdict}`;
};

const tokensOf = ({ cluster }: KubernetesWorld) =>
  cluster.requests.map(({ headers }) => headers.authorization?.replace('Bearer ', '') ?? null);

/** YAML as kubectl writes it. */
function kubeconfig(cluster: string, user: string): string {
  return `
apiVersion: v1
kind: Config
current-context: prod
preferences: {}
clusters:
- { name: other, cluster: { server: "https://other.example", insecure-skip-tls-verify: true } }
- { name: main, cluster: { ${cluster} } }
contexts:
- { name: prod, context: { cluster: main, user: keywarden, namespace: default } }
users:
- { name: keywarden, user: { ${user} } }
`;
}

const trusted = ({ url }: FakeKubernetes) =>
  `server: "${url}/", certificate-authority-data: ${base64(ca.pem)}`;

describe('In a pod', () => {
  test('the cluster is trusted by its own CA, and by no other', async () => {
    const { store, pod } = await start();
    expect(await store.readBack(TARGET)).toBe(null);
    pod.set(CA, (await makeCa('Another')).pem);
    expect(await outcome(store.readBack(TARGET))).toBe('tls retryable');
    pod.set(CA, ca.pem);
    expect(await store.readBack(TARGET)).toBe(null);
  });

  test('a token that the kubelet has replaced is used from the next request on', async () => {
    const world = await start();
    await world.store.readBack(TARGET);
    const [former] = world.planted;
    world.pod.set(TOKEN, world.cluster.issueToken());
    await world.store.readBack(TARGET);
    expect(tokensOf(world)).toEqual([former, world.pod.get(TOKEN)]);
  });

  test('a token that is replaced while a request is under way costs one repeat', async () => {
    const world = await start();
    world.cluster.fault = () => {
      world.cluster.fault = null;
      world.cluster.tokens.clear();
      world.pod.set(TOKEN, world.cluster.issueToken());
      return null;
    };
    expect(await world.store.readBack(TARGET)).toBe(null);
    expect(tokensOf(world)).toEqual([world.planted[0], world.pod.get(TOKEN)]);
  });

  test('a login that is refused is rejected, and asked about once', async () => {
    const world = await start();
    world.cluster.tokens.clear();
    for (const act of [
      () => world.store.readBack(TARGET),
      () => world.store.preflight(TARGET),
      () => world.store.publish(TARGET, KEY, markOf(1), null),
    ]) {
      expect(await outcome(act())).toBe('login_refused rejected');
    }
    expect(world.cluster.requests).toHaveLength(3);
  });

  test('what is not mounted can be tried again, and the message names it', async () => {
    const { store, pod } = await start();
    pod.delete(TOKEN);
    const error = await edgeErrorOf(store.readBack(TARGET));
    expect(error.failure).toMatchObject({ code: 'secret_unavailable', verdict: 'retryable' });
    expect(error.message).toContain(TOKEN);
  });

  test('an IPv6 address stands in brackets', async () => {
    const { store, pod } = await start();
    pod.set('KUBERNETES_SERVICE_HOST', '::1');
    pod.set('KUBERNETES_SERVICE_PORT', '1');
    const error = await edgeErrorOf(store.readBack(TARGET));
    expect(error.failure).toMatchObject({ code: 'connect', verdict: 'retryable' });
    expect(error.message).toContain('https://[::1]:1/api/v1/');
  });
});

describe('An operation', () => {
  test('has one deadline against a server that never answers', async () => {
    const { store, cluster } = await start({ config: { timeout: '300ms' } });
    cluster.fault = () => 'hang';
    expect(await outcome(store.readBack(TARGET))).toBe('timeout retryable');
  });

  test('starts no further request once its time is up', async () => {
    let now = 0;
    const { store, cluster } = await start({
      config: { timeout: '1h' },
      clock: {
        now: () => 0,
        monotonic: () => now,
        steady: () => now,
        after: () => () => undefined,
      },
    });
    cluster.fault = () => {
      now += 3_600_000;
      return null;
    };
    expect(await outcome(store.preflight(TARGET))).toBe('timeout retryable');
    expect(cluster.requests).toHaveLength(1);
  });

  test('that wrote without an answer is settled by a repeat', async () => {
    const { store, cluster } = await start({ config: { timeout: '400ms' } });
    const mark = markOf(1);
    cluster.fault = ({ method }) => (method === 'PATCH' ? 'hang' : null);
    expect(await outcome(store.publish(TARGET, KEY, mark, null))).toBe('timeout unknown');
    cluster.fault = null;
    await store.publish(TARGET, KEY, mark, null);
    const kept = cluster.observe();
    await store.publish(TARGET, KEY, mark, null);
    expect(cluster.observe()).toEqual(kept);
  });
});

describe('A kubeconfig', () => {
  test('gives server, CA and token of its current context', async () => {
    const world = await start({ kubeconfig: (own, token) => kubeconfig(trusted(own), `token: ${token}`) });
    await world.store.publish(TARGET, KEY, markOf(1), null);
    expect((await world.store.readBack(TARGET))?.mark?.number).toBe(1);
    expect(new Set(tokensOf(world))).toEqual(new Set(world.planted));
  });

  test('names files beside itself, and a tokenFile comes before a token and is read anew', async () => {
    const world = await start({
      kubeconfig: ({ url }) =>
        kubeconfig(`server: "${url}", certificate-authority: ca.crt`, 'token: x, tokenFile: ./token'),
    });
    const [first = ''] = world.planted;
    const second = world.cluster.issueToken();
    world.write('ca.crt', ca.pem);
    for (const token of [first, second]) {
      world.write('token', token);
      await world.store.readBack(TARGET);
    }
    expect(tokensOf(world)).toEqual([first, second]);
  });

  test('that is replaced counts from the next request on', async () => {
    const world = await start({ kubeconfig: (own) => kubeconfig(trusted(own), 'token: expired') });
    expect(await outcome(world.store.readBack(TARGET))).toBe('login_refused rejected');
    world.write('config', kubeconfig(trusted(world.cluster), `token: ${world.planted[0]}`));
    expect(await world.store.readBack(TARGET)).toBe(null);
  });

  test.each(['data', 'file'])('may log in with a client certificate, given as %s', async (form) => {
    const { cert, key } = await ca.issue();
    const user =
      form === 'data'
        ? `client-certificate-data: ${base64(cert)}, client-key-data: ${base64(key)}`
        : 'client-certificate: me.crt, client-key: me.key';
    const world = await start({ kubeconfig: (own) => kubeconfig(trusted(own), user) });
    world.write('me.crt', cert);
    world.write('me.key', key);
    expect(await outcome(world.store.readBack(TARGET))).toBe('login_refused rejected');
    world.cluster.certificates.add(new X509Certificate(cert).fingerprint256);
    expect(await world.store.readBack(TARGET)).toBe(null);
    expect(tokensOf(world)).toEqual([null, null]);
  });

  test('with a certificate that does not go with its key is told, and shows neither', async () => {
    const [one, another] = [await ca.issue(), await ca.issue()];
    const user = `client-certificate-data: ${base64(one.cert)}, client-key-data: ${base64(another.key)}`;
    const { store } = await start({ kubeconfig: (own) => kubeconfig(trusted(own), user) });
    const error = await edgeErrorOf(store.readBack(TARGET));
    expect(error.failure).toMatchObject({ code: 'client_certificate', verdict: 'permanent' });
    expectNoSecret(`${error.stack}`, [another.key]);
    expect(error.cause).toBe(undefined);
  });

  const CLUSTER = 'server: "https://k.example"';
  const SECRET = 'PlantedPlantedPlanted';
  test.each([
    [`${CLUSTER}, insecure-skip-tls-verify: true`, 'token: t', 'cluster main has insecure-skip-tls-verify'],
    [`${CLUSTER}, tls-server-name: k`, 'token: t', 'cluster main has tls-server-name'],
    [`${CLUSTER}, proxy-url: "http://p"`, 'token: t', 'give proxy in the store instead'],
    [CLUSTER, `exec: { command: aws, args: [${SECRET}] }`, 'no program is run for credentials'],
    [CLUSTER, `auth-provider: { name: oidc, config: { id: ${SECRET} } }`, 'user keywarden has auth-provider'],
    [CLUSTER, `username: a, password: ${SECRET}`, 'passwords are not supported'],
    [CLUSTER, `as: root, token: ${SECRET}`, 'impersonation is not supported'],
    [CLUSTER, '', 'user keywarden has no token, tokenFile or client certificate'],
    [CLUSTER, 'client-certificate: a.crt', 'without its key'],
    [CLUSTER, `client-certificate: a.crt, client-key-data: "${SECRET}!"`, 'in another form: client-key-data'],
    ['name: x', 'token: t', 'cluster main lacks, or has in another form: server'],
    [CLUSTER, `token: ${SECRET}: [`, 'it is not YAML'],
  ])('with { %s } { %s } is refused: %s', (cluster, user, why) => {
    const parse = () => parseKubeconfig(kubeconfig(cluster, user));
    expect(parse).toThrow(why);
    expect(parse).toThrow(expect.objectContaining({ code: 'kubeconfig' }));
    expect(parse).not.toThrow(SECRET);
  });

  test.each([
    ['current-context: prod', 'current-context: staging', 'it has no context named staging'],
    ['cluster: main,', 'cluster: gone,', 'it has no cluster named gone'],
    ['user: keywarden,', 'user: gone,', 'it has no user named gone'],
    ['current-context: prod', '', 'it lacks, or has in another form: current-context'],
  ])('whose %s is "%s" is refused: %s', (from, to, why) => {
    const text = kubeconfig(CLUSTER, 'token: t').replace(from, to);
    expect(() => parseKubeconfig(text)).toThrow(why);
  });
});
