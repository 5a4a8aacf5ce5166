import type { Mark } from '../../model/index.ts';

/*
 * A mark in a dotenv file is a whole comment line of its own, never the end of the variable's line:
 *
 *     FRAMEFLOW_API_KEY=ff_live_8x9a2b
 *     # keywarden:1 FRAMEFLOW_API_KEY version 3 of frameflow-prod by footage/production id 0f0e… key key_9Xc1 made 2026-10-01T09:00:00.000Z check 4f2a…
 *
 * Behind the value, `KEY=value # mark` would be a comment to Node, the dotenv package and sh, but part of the value to
 * `docker --env-file` (passes everything behind "=" through) and to systemd's EnvironmentFile= (a comment only at a
 * line's start). A line that starts with "#" is a comment to all five. It holds no quote, so that it cannot close one
 * that an earlier line left open, no "=" and no backslash at its end, which systemd before 254 takes for a continuation.
 *
 * `check` binds the mark to the value: where a person edits the value, the mark that was left no longer speaks for it.
 * It is a plain hash, so that another installation can check it too; it tells nothing that the line above does not.
 */

const FIELDS =
  /^version (\d{1,15}) of (\S*) by (\S*) id (\S*) key (\S*) made (\d{4}-\d\d-\d\dT[\d:.]+Z) check ([0-9a-f]{16})$/;

/** Any mark of `variable`, readable or not, of this or a later form. */
export function isMarkLine(line: string, variable: string): boolean {
  return /^# keywarden:\d+ (\S+)(?: |$)/.exec(line)?.[1] === variable;
}

export function writeMark(variable: string, mark: Mark, check: string): string {
  const { number, credential, installation, versionId, keyId, createdAt } = mark;
  const key = keyId === null ? '-' : encode(keyId);
  return (
    `# keywarden:1 ${variable} version ${number} of ${encode(credential)} by ${encode(installation)} ` +
    `id ${encode(versionId)} key ${key} made ${new Date(createdAt).toISOString()} check ${check}`
  );
}

/** The mark that `line` bears for `variable`, with the check of the value it speaks for; null where it is unreadable. */
export function readMark(line: string, variable: string): { mark: Mark; check: string } | null {
  const head = `# keywarden:1 ${variable} `;
  const fields = line.startsWith(head) ? FIELDS.exec(line.slice(head.length).trimEnd()) : null;
  if (fields === null) return null;
  const [, number = '', credential = '', installation = '', versionId = '', key = '', made = '', check = ''] =
    fields;
  const createdAt = Date.parse(made);
  if (Number.isNaN(createdAt)) return null;
  try {
    const mark: Mark = {
      installation: decodeURIComponent(installation),
      credential: decodeURIComponent(credential),
      number: Number(number),
      versionId: decodeURIComponent(versionId),
      keyId: key === '-' ? null : decodeURIComponent(key),
      createdAt,
    };
    return { mark, check };
  } catch {
    return null;
  }
}

/** Without blanks, quotes, "=", line ends or anything beyond ASCII; "/" stays, for people's sake. */
function encode(text: string): string {
  if (text === '-') return '%2D';
  return encodeURIComponent(text).replaceAll('%2F', '/').replaceAll("'", '%27');
}
