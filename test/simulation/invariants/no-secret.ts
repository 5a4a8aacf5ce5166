import type { Invariant, World } from '../ground.ts';

/** Every key and token of the world has this form, and nothing else has. */
const SECRET = /ff_(?:live|access|refresh)_[A-Za-z0-9]{16}/;

/** 10. A secret's bytes are nowhere but in stores, provider traffic and ciphertext. */
export function noSecret(world: World): Invariant {
  const search = (text: string, where: string) => {
    if (SECRET.test(text)) world.fail(self, `a key or token stands in ${where}`);
  };
  const self: Invariant = {
    number: 10,
    name: 'no secret anywhere',
    onLine: ({ line }) => search(line, 'the log'),
    onArrival: ({ channel, message }) => search(JSON.stringify(message), `a message to ${channel}`),
    onEnd: () => search(world.database.texts(), 'the database'),
  };
  return self;
}
