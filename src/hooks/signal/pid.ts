/** The longest pid file, in bytes: a number and a line break need twelve. */
const LONGEST = 64;
/** Linux gives none above 4,194,304; a larger number than this would wrap round to another process. */
const LARGEST = 2 ** 31 - 1;

export type ReadPid =
  | { readonly pid: number; readonly problem: null }
  /** What is wrong with the file, to be read after its name; `empty` for one that is only being written. */
  | { readonly pid: null; readonly problem: string };

/**
 * The one number in a pid file. Refuses what a signal must never reach: 0 and negative numbers (whole groups), 1 (which
 * ends the machine or the container) and `own`, the daemon itself. Quotes nothing: it may be any file.
 */
export function parsePid(content: Uint8Array, own: number): ReadPid {
  const bad = (problem: string): ReadPid => ({ pid: null, problem });
  if (content.length > LONGEST) return bad(`is longer than ${LONGEST} bytes; it is no pid file`);
  const text = Buffer.from(content).toString('latin1').trim();
  if (text === '') return bad('empty');
  if (/^-\d+$/.test(text)) return bad('holds a negative number, which stands for a group of processes');
  if (!/^\d+$/.test(text)) return bad('does not hold one number and nothing else');
  const pid = Number(text);
  if (pid > LARGEST) return bad('holds a number that is no process id');
  if (pid === 0) return bad("holds 0, which stands for Keywarden's own group of processes");
  if (pid === 1)
    return bad('holds 1, the first process of the machine or container, which is never signalled');
  if (pid === own) return bad("holds Keywarden's own process id; it is not the program's file");
  return { pid, problem: null };
}
