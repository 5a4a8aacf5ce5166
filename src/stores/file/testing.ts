import { EdgeError, Secret } from '../../model/index.ts';
import { markOf, testHash } from '../parts.suite.ts';
import { dotenv } from './dotenv.ts';

/** One variable of one dotenv file, for tests of the format alone. */
export const NAME = 'API_KEY';
export const VALUE = 'ff_live_8x9a2b.C+d/e=f:g@h,i-j';
export const MARK = markOf(3);
export const format = dotenv({ path: '/run/app/.env', variable: NAME }, testHash);

export const render = (text: string, value = VALUE, mark = MARK) =>
  format.render(Buffer.from(text), Secret.from(value), mark).toString();
export const read = (text: string) => format.parse(Buffer.from(text)).value?.reveal() ?? null;
export const markIn = (text: string) => format.parse(Buffer.from(text)).mark;
export const LINE = render('').split('\n')[1] ?? '';

/** The code of what `action` was refused with for good; anything else as it came. */
export function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error instanceof EdgeError && error.failure.verdict === 'permanent' ? error.code : error;
  }
  return 'nothing was thrown';
}
