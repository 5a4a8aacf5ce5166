import { readFile, stat } from 'node:fs/promises';
import { Reader, type Response } from 'mmdb-lib';
import type { Locate } from '../detectors/contract.ts';
import { parseAddress } from '../detectors/ip.ts';
import { EdgeError, type Geo, SECOND } from '../model/index.ts';
import type { CountryDatabase } from './contract.ts';
import { geoOf } from './record.ts';

/** No more than one look at the file in this time, ms. */
const EVERY = 30 * SECOND;
/** Answers remembered: an address comes many times, and the database walks up to 128 steps for each. */
const REMEMBERED = 32_768;
/** The largest file that is read into memory. City databases have some 60 MB. */
const MAX_BYTES = 512 * 1024 * 1024;

const SOURCES =
  'free ones: GeoLite2-Country of MaxMind (with an account), IP to Country Lite of DB-IP, the country databases of ip-location-db';

/** Opens the database in the file at `path`. @throws {EdgeError} */
export async function open(path: string): Promise<CountryDatabase> {
  let taken = await markOf(path);
  let locate = await load(path);
  let refused: string | null = null;
  let looked = Number.NEGATIVE_INFINITY;
  return {
    locate: (ip) => locate(ip),
    refresh: async (now) => {
      if (Math.abs(now - looked) < EVERY) return null;
      looked = now;
      let mark = 'none';
      try {
        mark = await markOf(path);
        if (mark === taken || mark === refused) return null;
        const fresh = await load(path);
        // Changed while it was read: somebody is writing it, and the next look finds it whole.
        if ((await markOf(path)) !== mark) return null;
        locate = fresh;
        taken = mark;
        refused = null;
        return null;
      } catch (error) {
        if (mark === refused) return null;
        refused = mark;
        return `${messageOf(error)}; the database read before stays in use`;
      }
    },
  };
}

/** Tells one state of the file from another. */
async function markOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    throw missing(path, error);
  }
}

async function load(path: string): Promise<Locate> {
  const content = await contentOf(path);
  let reader: Reader<Response>;
  try {
    reader = new Reader<Response>(content);
    check(reader, content.length);
  } catch {
    // What the library says ("Invalid Extended Type at offset 0") helps nobody.
    throw unreadable(
      path,
      'it is no whole database in the format .mmdb; fetch it again, to another name, and rename it',
    );
  }
  const locate = locatorOf(reader);
  if (!namesCountries(reader, locate)) {
    throw unreadable(
      path,
      `it is of the type "${reader.metadata.databaseType}" and names no countries; use a country or city database`,
    );
  }
  return locate;
}

async function contentOf(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size <= MAX_BYTES) return await readFile(path);
  } catch (error) {
    throw missing(path, error);
  }
  throw unreadable(path, 'it is over 512 MiB; use a country or city database');
}

/** A part of a file has no metadata, as they stand at its end; what is left is a file of which a part was replaced. */
function check({ metadata }: Reader<Response>, size: number): void {
  const { binaryFormatMajorVersion: form, ipVersion, nodeCount, searchTreeSize } = metadata;
  if (form !== 2 || (ipVersion !== 4 && ipVersion !== 6) || !(nodeCount > 0) || !(searchTreeSize < size)) {
    throw new TypeError('not the format 2.0');
  }
}

function locatorOf(reader: Reader<Response>): Locate {
  const answers = new Map<string, Geo | null>();
  return (ip) => {
    const known = answers.get(ip);
    if (known !== undefined) return known;
    const geo = find(reader, ip);
    if (answers.size >= REMEMBERED) answers.clear();
    answers.set(ip, geo);
    return geo;
  };
}

/**
 * The library answers for any text, looks IPv4-mapped addresses up where most databases have nothing, and finds an IPv6
 * address in a database of IPv4 alone (at its first 32 bits): it is only asked what it can know.
 */
function find(reader: Reader<Response>, ip: string): Geo | null {
  const address = parseAddress(ip);
  if (address === null) return null;
  if (address.family === 6 && reader.metadata.ipVersion === 4) return null;
  try {
    return geoOf(reader.get(address.family === 4 ? dotted(address.value) : ip));
  } catch {
    // One damaged record; the others are good.
    return null;
  }
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/** A database of networks' owners is as valid as one of countries, and would be silent for ever. */
function namesCountries(reader: Reader<Response>, locate: Locate): boolean {
  if (/country|city|location|enterprise/i.test(reader.metadata.databaseType)) return true;
  const samples = Array.from({ length: 223 }, (_, index) => `${index + 1}.1.1.1`);
  return [...samples, '2001:200::1', '2400::1', '2600::1', '2800::1', '2a00::1', '2c0f::1'].some(
    (ip) => locate(ip) !== null,
  );
}

function missing(path: string, error: unknown): EdgeError {
  const errno = error instanceof Error && 'code' in error ? String(error.code) : 'no error code';
  const why =
    errno === 'ENOENT' || errno === 'ENOTDIR'
      ? `it is not there (${errno}). Put a database there, or take geoip out of the monitor; ${SOURCES}`
      : `the file system refuses (${errno}); let the user that Keywarden runs as read it`;
  return new EdgeError({
    code: 'geoip_missing',
    verdict: 'permanent',
    message: `cannot read the country database ${path}: ${why}`,
  });
}

function unreadable(path: string, why: string): EdgeError {
  return new EdgeError({
    code: 'geoip_unreadable',
    verdict: 'permanent',
    message: `cannot use the country database ${path}: ${why}; ${SOURCES}`,
  });
}

function messageOf(error: unknown): string {
  return error instanceof EdgeError ? error.message : 'the country database could not be read again';
}
