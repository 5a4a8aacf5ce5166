import { type CountryDatabase, openGeo } from '../geo/index.ts';
import { failureOf } from '../model/index.ts';

/**
 * A country database that is opened when it is first refreshed, and tried again at each refresh while it cannot be. Until
 * then it knows no address. Why it cannot be is said once.
 */
export function openLater(path: string): CountryDatabase {
  let open: CountryDatabase | null = null;
  let told: string | null = null;
  return {
    locate: (ip) => open?.locate(ip) ?? null,
    async refresh(now) {
      if (open !== null) return open.refresh(now);
      try {
        open = await openGeo({ path });
        return null;
      } catch (error) {
        const { message } = failureOf(error);
        if (message === told) return null;
        told = message;
        return message;
      }
    },
  };
}
