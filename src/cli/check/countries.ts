import type { Config } from '../../config/types.ts';
import { openGeo } from '../../geo/index.ts';
import { type Result, tried } from './result.ts';

/** Each monitor's country database, read as the daemon would. */
export function tryCountries({ monitors }: Config): Promise<Result[]> {
  const tries = Object.values(monitors).flatMap(({ name, geoip }) => {
    if (geoip === null) return [];
    const read = async () => {
      await openGeo({ path: geoip.database });
      return `${geoip.database} can be read`;
    };
    return [tried(`country database of monitor ${name}`, read)];
  });
  return Promise.all(tries);
}
