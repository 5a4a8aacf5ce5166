import { failureOf, type LogPage, SECOND, Secret } from '../../src/model/index.ts';
import type { Provider, SeenClock } from '../../src/providers/contract.ts';
import { KEY, parseMint } from '../../src/providers/frameflow/answers.ts';
import type { Life, World } from './ground.ts';
import { refused } from './issuer.ts';

/** What one engine holds of the provider: every call is an effect that a fault can strike. */
export function providerOf(world: World, life: Life): Provider {
  const { issuer } = world;
  const target = 'frameflow';
  const { dated, seenClock } = clockOf(world, life);
  return {
    malformed: (key) => (KEY.test(key.reveal()) ? null : 'it has not the form of a key'),
    mismatch: () => null,
    parseMint,
    mint: (key, { idempotencyKey }) => {
      const rotate = () => {
        world.tell('onMint', { life, idempotencyKey });
        return { raw: Secret.from(issuer.rotate(key.reveal(), idempotencyKey, 'us')) };
      };
      const garbage = () => {
        rotate();
        return { raw: Secret.from('<html>welcome to the portal</html>') };
      };
      return dated(life.call({ effect: 'mint', target, apply: rotate, bent: { garbage } }));
    },
    verify: (key) => {
      const refusal = () => {
        throw refused('unauthorized', 'rejected', 'the key is not accepted');
      };
      const garbage = () => {
        throw refused('unusable_answer', 'unknown', 'the answer is no page of the log');
      };
      return dated(
        life.call({
          effect: 'verify',
          target,
          apply: () => {
            world.tell('onCall', { life });
            return { keyId: issuer.verify(key.reveal()) };
          },
          bent: { stale: refusal, unsettled: unsettle(world, key, refusal), garbage },
        }),
      );
    },
    readLog: (key, query) => {
      const read = (age: number): LogPage => {
        world.tell('onCall', { life });
        issuer.verify(key.reveal());
        return issuer.log.read(world.time - age, query, world.repeats.chance(0.2) ? 3 : 0);
      };
      return dated(
        life.call({
          effect: 'readLog',
          target,
          apply: () => read(0),
          bent: {
            stale: () => read(600_000),
            garbage: () => {
              throw refused('unusable_answer', 'unknown', 'the answer is no page of the log');
            },
          },
        }),
      );
    },
    seenClock,
    close: async () => undefined,
  };
}

/** Every answer bears the provider's time, to the second. */
export function clockOf(world: World, life: Life) {
  const clock = life.clock();
  let seen: SeenClock | null = null;
  const dated = async <T>(answer: Promise<T>): Promise<T> => {
    const note = () => {
      seen = {
        date: Math.floor(world.time / SECOND) * SECOND,
        sent: clock.now(),
        wall: clock.now(),
        steady: clock.steady(),
      };
    };
    try {
      const given = await answer;
      note();
      return given;
    } catch (error) {
      if (failureOf(error).code !== 'no_answer') note();
      throw error;
    }
  };
  return { dated, seenClock: () => seen };
}

/** A fresh key is refused for a while longer; one that was accepted everywhere before is not touched. */
function unsettle(world: World, value: Secret, refusal: () => never) {
  return (extent: number) => {
    const key = world.issuer.byValue(value.reveal());
    if (key === null || world.issuer.accepts(key)) return { keyId: world.issuer.verify(value.reveal()) };
    key.settledAt = Math.max(key.settledAt, world.time + extent);
    return refusal();
  };
}
