import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EdgeError, SECOND } from '../model/index.ts';
import { openGeo } from './index.ts';
import { databaseOf } from './testing/database.ts';

const PUBLIC = join(
  dirname(createRequire(import.meta.url).resolve('@ip-location-db/geo-whois-asn-country-mmdb/package.json')),
  'geo-whois-asn-country.mmdb',
);

const here = (country: string) => ({ country, city: null, latitude: null, longitude: null });

let folder: string;
let path: string;
let now: number;
let serial = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'geo-'));
});

beforeEach(() => {
  serial += 1;
  path = join(folder, `${serial}.mmdb`);
  now = 1_000_000;
});

afterAll(() => rm(folder, { recursive: true }));

/** The next look at the file. */
const later = () => (now += 30 * SECOND);

async function opened(database: Buffer) {
  await writeFile(path, database);
  return openGeo({ path });
}

/** As who fetches a database does: to another name, then renamed. */
async function replace(database: Buffer): Promise<void> {
  await writeFile(`${path}.new`, database);
  await rename(`${path}.new`, path);
}

describe('a public country database', () => {
  it('places addresses of both families, and IPv4-mapped ones', async () => {
    const { locate } = await openGeo({ path: PUBLIC });
    expect(locate('8.8.8.8')).toEqual(here('US'));
    expect(locate('::ffff:8.8.8.8')).toEqual(here('US'));
    expect(locate('::FFFF:808:808')).toEqual(here('US'));
    expect(locate('200.160.2.3')).toEqual(here('BR'));
    expect(locate('2a00:1450::1')).toEqual(here('IE'));
    expect(locate('8.8.8.8')).toBe(locate('8.8.8.8'));
  });

  it.each([
    '',
    'garbage',
    '8.8.8',
    '8.8.8.8.8',
    '08.8.8.8',
    '8.8.8.8:80',
    '[::1]',
    'fe80::1%eth0',
    '10.0.0.1',
    '::',
    '8.8.8.8\n',
  ])('knows nothing of %j', async (text) => {
    const { locate } = await openGeo({ path: PUBLIC });
    expect(locate(text)).toBeNull();
    expect(locate(text)).toBeNull();
  });
});

describe('a record', () => {
  it('is read in the forms that are in use', async () => {
    const { locate } = await opened(
      databaseOf({
        '203.0.113.0/25': {
          country: { iso_code: 'DE', names: { en: 'Germany' } },
          city: { names: { en: 'Köln' } },
          location: { latitude: 50.9, longitude: 6.9 },
          registered_country: { iso_code: 'US' },
        },
        '203.0.113.128/25': { country_code: 'br', city: 'São Paulo', latitude: -23.5, longitude: -46.6 },
        '198.51.100.0/24': { country: 'FR', continent: 'EU' },
        '2001:db8::/32': { country: { iso_code: 'JP' } },
      }),
    );
    expect(locate('203.0.113.9')).toEqual({ country: 'DE', city: 'Köln', latitude: 50.9, longitude: 6.9 });
    expect(locate('203.0.113.200')).toEqual({
      country: 'BR',
      city: 'São Paulo',
      latitude: -23.5,
      longitude: -46.6,
    });
    expect(locate('198.51.100.255')).toEqual(here('FR'));
    expect(locate('2001:db8:1::1')).toEqual(here('JP'));
    expect(locate('198.51.101.1')).toBeNull();
  });

  it('is nothing where it names no country, or half a point', async () => {
    const { locate } = await opened(
      databaseOf({
        '192.0.2.0/32': { registered_country: { iso_code: 'US' } },
        '192.0.2.1/32': { country_code: 'EU' },
        '192.0.2.2/32': { country: 'Germany' },
        '192.0.2.3/32': { country_code: '' },
        '192.0.2.4/32': { country_code: 'DE', latitude: 91, longitude: 6 },
        '192.0.2.5/32': 'DE',
      }),
    );
    const found = [0, 1, 2, 3, 4, 5].map((last) => locate(`192.0.2.${last}`)?.country ?? null);
    expect(found).toEqual([null, null, null, null, 'DE', null]);
    expect(locate('192.0.2.4')).toEqual(here('DE'));
  });

  it('of IPv4 alone says nothing of an IPv6 address that begins alike', async () => {
    const { locate } = await opened(databaseOf({ '42.0.0.0/8': { country_code: 'CN' } }, { version: 4 }));
    expect(locate('42.1.1.1')).toEqual(here('CN'));
    expect(locate('2a00:1450::1')).toBeNull();
  });
});

describe('a database that changes', () => {
  const first = databaseOf({ '203.0.113.0/24': { country_code: 'DE' } });
  const second = databaseOf({
    '203.0.113.0/24': { country_code: 'FR' },
    '192.0.2.0/24': { country_code: 'IT' },
  });

  it('is taken up at the next look, 30 s after the last', async () => {
    const { locate, refresh } = await opened(first);
    expect([await refresh(now), locate('203.0.113.9'), locate('192.0.2.1')]).toEqual([
      null,
      here('DE'),
      null,
    ]);
    await replace(second);
    expect([await refresh(now + 29 * SECOND), locate('203.0.113.9')]).toEqual([null, here('DE')]);
    expect([await refresh(later()), locate('203.0.113.9'), locate('192.0.2.1')]).toEqual([
      null,
      here('FR'),
      here('IT'),
    ]);
  });

  it('stays as it was while the new one is bad, which is said once', async () => {
    const { locate, refresh } = await opened(first);
    await replace(second.subarray(0, second.length / 2));
    expect(await refresh(later())).toBe(
      `cannot use the country database ${path}: it is no whole database in the format .mmdb; fetch it again, to another name, and rename it; free ones: GeoLite2-Country of MaxMind (with an account), IP to Country Lite of DB-IP, the country databases of ip-location-db; the database read before stays in use`,
    );
    expect([await refresh(later()), await refresh(later()), locate('203.0.113.9')]).toEqual([
      null,
      null,
      here('DE'),
    ]);
    await replace(Buffer.from('not a database'));
    expect(await refresh(later())).toContain('no whole database');
    await replace(second);
    expect([await refresh(later()), locate('203.0.113.9')]).toEqual([null, here('FR')]);
  });

  it('stays as it was while there is none, which is said once, and again when it happens again', async () => {
    const { locate, refresh } = await opened(first);
    await rm(path);
    expect(await refresh(later())).toContain('it is not there (ENOENT)');
    expect([await refresh(later()), locate('203.0.113.9')]).toEqual([null, here('DE')]);
    await replace(second);
    expect([await refresh(later()), locate('203.0.113.9')]).toEqual([null, here('FR')]);
    await rm(path);
    expect(await refresh(later())).toContain('it is not there (ENOENT)');
  });
});

describe('what is no country database', () => {
  const refused = async (content: Buffer | null) => {
    if (content !== null) await writeFile(path, content);
    const error = await openGeo({ path }).catch((thrown: unknown) => thrown);
    if (!(error instanceof EdgeError)) throw new TypeError(`no refusal: ${String(error)}`);
    return error.failure;
  };

  it('is refused: a file that is missing, with where free databases come from', async () => {
    const failure = await refused(null);
    expect(failure).toMatchObject({ code: 'geoip_missing', verdict: 'permanent' });
    expect(failure.message).toMatch(
      /^cannot read the country database .* it is not there \(ENOENT\)\. Put a database there.*GeoLite2.*DB-IP/,
    );
  });

  it('is refused: every beginning of a database, and other files', async () => {
    const whole = await readFile(PUBLIC);
    for (const share of [0, 0.1, 0.5, 0.9, 0.999_99]) {
      expect((await refused(whole.subarray(0, whole.length * share))).code).toBe('geoip_unreadable');
    }
    expect((await refused(Buffer.from('network,country\n'))).message).toContain('no whole database');
  });

  it('is refused: a database of something else', async () => {
    const owners = databaseOf(
      { '1.1.1.0/24': { autonomous_system_number: 13_335 } },
      { type: 'GeoLite2-ASN' },
    );
    expect((await refused(owners)).message).toContain('of the type "GeoLite2-ASN" and names no countries');
  });

  it('is none of its names: one of an unknown type that names countries is taken', async () => {
    const { locate } = await opened(databaseOf({ '1.1.1.0/24': { country_code: 'AU' } }, { type: 'own' }));
    expect(locate('1.1.1.1')).toEqual(here('AU'));
  });
});
