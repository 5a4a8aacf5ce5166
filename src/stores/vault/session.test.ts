import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { edgeErrorOf, endingEach, expectNoSecret, markOf } from '../parts.suite.ts';
import { FakeVault } from './fake.ts';
import { startVaultWorld, TARGET, type VaultWorld, type VaultWorldOptions } from './testing.ts';

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const ending = endingEach();

async function start(options: VaultWorldOptions = {}): Promise<VaultWorld> {
  const world = await startVaultWorld(options);
  ending(world);
  return world;
}

/** A world whose token a person gave, and may replace. */
async function startWithToken(...issue: Parameters<FakeVault['issueToken']>) {
  const vault = await new FakeVault().listen();
  const given = { token: vault.issueToken(...issue) };
  const auth = { method: 'token', token: { env: 'TOKEN' } };
  return { ...(await start({ vault, auth, secrets: { TOKEN: () => given.token } })), given };
}

const paths = (vault: FakeVault) => vault.requests.map(({ method, path }) => `${method} ${path}`);
const logins = (vault: FakeVault) => paths(vault).filter((line) => line.endsWith('/login')).length;

describe('The AppRole login', () => {
  test('is made once for many operations, even where they start together', async () => {
    const { store, vault } = await start();
    await Promise.all([store.readBack(TARGET), store.readBack(TARGET), store.preflight(TARGET)]);
    await store.readBack(TARGET);
    expect(logins(vault)).toBe(1);
  });

  test('is made anew where its token is refused, and the operation goes on', async () => {
    const { store, vault } = await start();
    await store.readBack(TARGET);
    vault.expireTokens();
    await store.publish(TARGET, KEY, markOf(1), null);
    expect((await store.readBack(TARGET))?.value?.equals(KEY)).toBe(true);
    expect(logins(vault)).toBe(2);
  });

  test('is not made anew where only a right is missing', async () => {
    const { store, vault } = await start();
    vault.rights.clear();
    expect((await edgeErrorOf(store.readBack(TARGET))).failure).toMatchObject({
      code: 'denied',
      verdict: 'permanent',
    });
    expect(logins(vault)).toBe(1);
  });

  test('that gives a token which may not look itself up ends as a missing right', async () => {
    const { store, vault } = await start();
    vault.fault = ({ path }) =>
      path.endsWith('/login') ? null : { status: 403, body: { errors: ['permission denied'] } };
    expect((await edgeErrorOf(store.readBack(TARGET))).failure).toMatchObject({
      code: 'denied',
      verdict: 'permanent',
    });
    expect(logins(vault)).toBe(2);
  });

  test.each([400, 403])(
    'answered by %i is a rejection that shows neither role id nor secret id',
    async (status) => {
      const { store, vault, planted } = await start();
      vault.fault = () => ({ status, body: { errors: [`invalid role or secret ID ${planted.join(' ')}`] } });
      const error = await edgeErrorOf(store.preflight(TARGET));
      expect(error.failure).toMatchObject({ code: 'login_refused', verdict: 'rejected' });
      expectNoSecret(error.message, planted);
    },
  );

  test('sends no token, not even an old one', async () => {
    const { store, vault } = await start();
    await store.readBack(TARGET);
    expect(vault.requests[0]?.headers).not.toHaveProperty('x-vault-token');
  });

  test('whose secret cannot be read names where it should be', async () => {
    const { store } = await start({
      secrets: {
        SECRET_ID: () => {
          throw new Error('planted-detail');
        },
      },
    });
    const { failure } = await edgeErrorOf(store.readBack(TARGET));
    expect(failure).toMatchObject({ code: 'secret_unavailable', verdict: 'retryable' });
    expect(failure.message).toBe('the environment variable SECRET_ID for the Vault login cannot be read');
  });
});

describe('Renewing an AppRole login', () => {
  test('comes again after two thirds of its time, 768 hours included', async () => {
    const { store, vault } = await start();
    vault.grant = { ttl: 768 * 3600, renewable: true };
    vault.renewal = 768 * 3600;
    const twoThirds = 512 * 3_600_000;
    expect([await store.renewLogin(), await store.renewLogin()]).toEqual([twoThirds, twoThirds]);
    expect(paths(vault)).toEqual(['POST /v1/auth/approle/login', 'POST /v1/auth/token/renew-self']);
  });

  test('logs in anew where the token cannot be renewed', async () => {
    const { store, vault } = await start();
    vault.grant = { ttl: 60, renewable: false };
    expect([await store.renewLogin(), await store.renewLogin()]).toEqual([40_000, 40_000]);
    expect(logins(vault)).toBe(2);
  });

  test('logs in anew where Vault refuses the renewal', async () => {
    const { store, vault } = await start();
    await store.renewLogin();
    vault.renewal = null;
    expect(await store.renewLogin()).toBe(2_400_000);
    expect(logins(vault)).toBe(2);
  });

  test.each([400, 403])('logs in anew where it is refused by %i', async (status) => {
    const { store, vault } = await start();
    await store.renewLogin();
    vault.fault = ({ path }) =>
      path.endsWith('/renew-self') ? { status, body: { errors: ['permission denied'] } } : null;
    expect(await store.renewLogin()).toBe(2_400_000);
    expect(logins(vault)).toBe(2);
  });

  test("logs in anew close to the token's greatest age, when renewals grant little", async () => {
    const { store, vault } = await start();
    await store.renewLogin();
    vault.renewal = 1900;
    expect(await store.renewLogin()).toBe(Math.floor((1900 * 2000) / 3));
    vault.renewal = 1700;
    expect(await store.renewLogin()).toBe(2_400_000);
    expect(logins(vault)).toBe(2);
  });

  test('ends for a login without end', async () => {
    const { store, vault } = await start();
    vault.grant = { ttl: 0, renewable: false };
    expect(await store.renewLogin()).toBe(null);
  });

  test('keeps the login it has where Vault is sealed', async () => {
    const { store, vault } = await start();
    await store.renewLogin();
    vault.sealed = true;
    expect((await edgeErrorOf(store.renewLogin())).failure).toMatchObject({
      code: 'sealed',
      verdict: 'retryable',
    });
    vault.sealed = false;
    await store.readBack(TARGET);
    expect(logins(vault)).toBe(1);
  });
});

describe('A given token', () => {
  test('without end needs no renewal', async () => {
    const { store } = await startWithToken(0, false);
    expect(await store.renewLogin()).toBe(null);
  });

  test('is renewed', async () => {
    const { store, vault } = await startWithToken(60);
    vault.renewal = 600;
    expect(await store.renewLogin()).toBe(400_000);
  });

  test('that cannot be renewed is told of, with its end and where to put the next', async () => {
    const { store, logged } = await startWithToken(600, false);
    expect(await store.renewLogin()).toBe(400_000);
    expect(logged()).toContain('put another one into the environment variable TOKEN before it ends');
  });

  test('that is refused is a rejection', async () => {
    const { store, vault, given } = await startWithToken();
    vault.expireTokens();
    for (const act of [() => store.readBack(TARGET), () => store.renewLogin()]) {
      const error = await edgeErrorOf(act());
      expect(error.failure).toMatchObject({ code: 'login_refused', verdict: 'rejected' });
      expectNoSecret(error.message, [given.token]);
    }
  });

  test('that gets lost on its way is a rejection, by the 400 of older servers as by the 403 of newer ones', async () => {
    const { store, vault } = await startWithToken();
    vault.fault = () => ({ status: 400, body: { errors: ['missing client token'] } });
    for (const act of [() => store.readBack(TARGET), () => store.renewLogin()]) {
      expect((await edgeErrorOf(act())).failure).toMatchObject({
        code: 'login_refused',
        verdict: 'rejected',
      });
    }
  });

  test('that a person replaces is taken up at the next operation', async () => {
    const { store, vault, given } = await startWithToken();
    vault.expireTokens();
    await edgeErrorOf(store.readBack(TARGET));
    given.token = vault.issueToken();
    expect(await store.readBack(TARGET)).toBe(null);
  });
});

describe('The Kubernetes login', () => {
  const auth = { method: 'kubernetes', role: 'keywarden', jwt: { env: 'JWT' } };

  test("sends the service account's token and works", async () => {
    const { store, vault } = await start({ auth, secrets: { JWT: () => 'a.service.account' } });
    await store.publish(TARGET, KEY, markOf(1), null);
    expect(vault.requests[0]).toMatchObject({
      path: '/v1/auth/kubernetes/login',
      body: { role: 'keywarden', jwt: 'a.service.account' },
    });
  });

  test('that is refused is a rejection', async () => {
    const { store } = await start({ auth, secrets: { JWT: () => 'wrong' } });
    expect((await edgeErrorOf(store.readBack(TARGET))).failure).toMatchObject({
      code: 'login_refused',
      verdict: 'rejected',
    });
  });
});
