import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Net, Secret } from '../../src/model/index.ts';
import { testNet } from '../../src/net/testing/index.ts';
import { create } from '../../src/stores/aws-secrets-manager/adapter.ts';
import { schema } from '../../src/stores/aws-secrets-manager/schema.ts';
import type { Store } from '../../src/stores/contract.ts';
import { edgeErrorOf, markOf } from '../../src/stores/parts.suite.ts';
import { textOf } from '../tidy/repository.ts';
import { ground } from './ground.ts';
import { MotoIam } from './moto-iam.ts';

type Policy = {
  readonly Version: string;
  readonly Statement: readonly [{ readonly Action: readonly string[] }];
};

const [, documented = ''] = /^```json\n([\s\S]+?)^```$/m.exec(textOf('docs/aws-secrets-manager.md')) ?? [];
const policy: Policy = JSON.parse(documented);
const actions = policy.Statement[0].Action;

const suffix = randomUUID().slice(0, 8);
const iam = new MotoIam();
const roles = new Map<string, string>();
const open: Array<() => Promise<void>> = [];
let user: Awaited<ReturnType<MotoIam['user']>>;

/** The documented policy with these actions alone. For any resource: moto knows of none. */
const allowing = (some: readonly string[]) => ({
  ...policy,
  Statement: [{ ...policy.Statement[0], Action: some, Resource: '*' }],
});

beforeAll(async () => {
  user = await iam.user(`keywarden-${suffix}`);
  const stranger = user.arn.replace('keywarden', 'somebody');
  roles.set('whole', await iam.role(`whole-${suffix}`, user.arn, allowing(actions)));
  roles.set('strange', await iam.role(`strange-${suffix}`, stranger, allowing(actions)));
  for (const [index, action] of actions.entries()) {
    const less = allowing(actions.filter((each) => each !== action));
    roles.set(action, await iam.role(`less-${index}-${suffix}`, user.arn, less));
  }
  await iam.enforce(true);
});

afterAll(() => iam.close());

beforeEach(() => {
  for (const [name, value] of Object.entries(user.env)) vi.stubEnv(name, value);
});

afterEach(async () => {
  for (const close of open.splice(0)) await close();
  vi.unstubAllEnvs();
});

type Target = { readonly secretId: string; readonly field?: string; readonly create: boolean };

function storeAs(role: string): Store<Target> {
  const net: Net = testNet(null, { allowPlaintextLoopback: true });
  const config = schema.parse({
    kind: 'aws-secrets-manager',
    region: 'eu-central-1',
    roleArn: roles.get(role),
    allowPlaintextLoopback: true,
  });
  const store = create(ground('aws', config, net).context);
  open.push(
    () => store.close(),
    () => net.close(),
  );
  return store;
}

/** Everything that a store is asked for in its life. */
async function useFully(store: Store<Target>): Promise<void> {
  for (const field of [undefined, 'api_key']) {
    const target = {
      secretId: `policy/${randomUUID()}`,
      ...(field === undefined ? {} : { field }),
      create: true,
    };
    for (const number of [1, 2]) {
      await store.preflight(target);
      await store.publish(target, Secret.from(`v${number}`), markOf(number), await store.readBack(target));
    }
  }
}

describe('The documented policy', () => {
  test('is enough, and the signatures of the role and of its session are right', async () => {
    await useFully(storeAs('whole'));
  });

  test.each(actions)('needs %s', async (action) => {
    await edgeErrorOf(useFully(storeAs(action)));
  });
});

test('A role that does not trust the user is refused, and says so', async () => {
  const { failure } = await edgeErrorOf(storeAs('strange').renewLogin());
  expect(failure).toMatchObject({ code: 'role_refused', verdict: 'permanent' });
});

test('A wrong secret key is refused', async () => {
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x'.repeat(40));
  expect((await edgeErrorOf(storeAs('whole').renewLogin())).failure).toMatchObject({
    code: 'login_refused',
    verdict: 'rejected',
  });
});
