import type { Locate } from '../../detectors/contract.ts';
import { explain } from '../exit.ts';
import { tell } from '../terminal.ts';

/** Looks addresses up in a country database; where it cannot be read that is told, and nothing is located. */
export async function locator(path: string | null): Promise<Locate> {
  if (path === null) return () => null;
  try {
    const { openGeo } = await import('../../geo/index.ts');
    const { locate } = await openGeo({ path });
    return locate;
  } catch (error) {
    tell(
      `warning: ${explain(error)}; calls are judged by the country that the log names, and by none where it names none`,
    );
    return () => null;
  }
}
