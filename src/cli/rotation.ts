import { connect, OPERATORS } from './connect.ts';
import { EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { print, printable, printJson } from './terminal.ts';
import type { RotationView } from './views.ts';

/** A way out of a rotation that a person is needed for. */
export type Way = 'retry' | 'abandon';

export async function orderRotation(id: string, way: Way, options: RemoteOptions): Promise<number> {
  const client = await connect(options, OPERATORS);
  const rotation = await client.post<RotationView>(`/v1/rotations/${encodeURIComponent(id)}/${way}`);
  if (options.json) {
    printJson(rotation);
    return EXIT.done;
  }
  const { credential, state, lastError } = rotation;
  if (way === 'abandon') print(`${credential}: rotation ${id} is ${state}`);
  else {
    print(
      `${credential}: rotation ${id} is in ${state} and tried again now; \`keywarden history ${credential}\` shows its steps`,
    );
    if (lastError !== null) print(`  it failed before: ${printable(lastError.message)}`);
  }
  return EXIT.done;
}
