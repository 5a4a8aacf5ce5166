import { connect, OPERATORS } from './connect.ts';
import { EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { print, printJson } from './terminal.ts';
import { type UntilOptions, untilBody } from './until.ts';
import type { RotationView } from './views.ts';
import { moment } from './when.ts';

/** Asks for the previous version to be published again, for a time. */
export async function rollback(name: string, options: RemoteOptions & UntilOptions): Promise<number> {
  const body = untilBody(options);
  const client = await connect(options, OPERATORS);
  const path = `/v1/credentials/${encodeURIComponent(name)}/rollback`;
  const rotation = await client.post<RotationView>(path, { body });
  if (options.json) printJson(rotation);
  else {
    const { previousKeyId, newKeyId } = rotation;
    const until = rotation.rollback === null ? '' : ` until ${moment(rotation.rollback.until)}`;
    print(`${name}: the previous key ${previousKeyId ?? ''} goes to every destination again${until}`);
    print(`  Then ${newKeyId ?? 'the newer key'} comes back by itself; an alert tells of it before.`);
  }
  return EXIT.done;
}
