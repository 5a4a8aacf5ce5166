import type { AlteredRights, Files } from '../../model/index.ts';
import type { FileTarget } from './schema.ts';

type Present = NonNullable<Awaited<ReturnType<Files['read']>>>;

const GROUP_READS = 0o040;
const GROUP_AND_OTHERS = 0o077;

/** What of the file's mode and owner is not as `target` says; null: nothing. Where it names no owner, any that Keywarden may replace is right. */
export function alteredRights(present: Present, target: FileTarget): AlteredRights | null {
  const { mode, uid, gid } = present;
  const owner = target.uid === undefined ? present.foreign : uid !== target.uid;
  const group = target.gid !== undefined && gid !== target.gid;
  const aspects = [
    { altered: mode !== target.mode, found: `mode ${octal(mode)}`, wanted: `mode ${octal(target.mode)}` },
    { altered: owner, found: `owner ${uid}`, wanted: `owner ${ownerOf(target)}` },
    { altered: group, found: `group ${gid}`, wanted: `group ${target.gid}` },
  ].filter(({ altered }) => altered);
  if (aspects.length === 0) return null;
  const added = mode & ~target.mode & GROUP_AND_OTHERS;
  return {
    found: aspects.map(({ found }) => found).join(', '),
    wanted: aspects.map(({ wanted }) => wanted).join(', '),
    wider: added !== 0 || owner || (group && (mode & GROUP_READS) !== 0),
    repair: repairOf(target, mode !== target.mode, owner, group),
  };
}

/** Where none is configured: the user that Keywarden runs as. */
function ownerOf({ uid }: FileTarget): number | string {
  return uid ?? process.geteuid?.() ?? '';
}

function repairOf(target: FileTarget, byMode: boolean, byOwner: boolean, byGroup: boolean): string {
  const { file, mode, gid } = target;
  const who = `${byOwner ? ownerOf(target) : ''}${byGroup ? `:${gid}` : ''}`;
  return [
    ...(byOwner || byGroup ? [`chown ${who} ${quoted(file)}`] : []),
    ...(byMode ? [`chmod ${octal(mode)} ${quoted(file)}`] : []),
  ].join(' && ');
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, '0');
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
