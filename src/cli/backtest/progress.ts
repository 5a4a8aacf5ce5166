import { SECOND } from '../../model/index.ts';
import { span } from '../when.ts';
import type { LogFiles } from './log.ts';
import { grouped, plural } from './report.ts';

const EVERY = SECOND / 5;
const WIDTH = 24;

/** A bar on standard error while a log is read; nothing where that is no terminal. */
export class Progress {
  readonly #begun = Date.now();
  readonly #total: number | null;
  #shownAt = 0;

  /** @param total bytes of all files; null: not known */
  constructor(total: number | null) {
    this.#total = total;
  }

  get tookMs(): number {
    return Date.now() - this.#begun;
  }

  show(log: LogFiles): void {
    const now = Date.now();
    if (!process.stderr.isTTY || now - this.#shownAt < EVERY) return;
    this.#shownAt = now;
    process.stderr.write(`\r\u001b[2K${progressLine(log, this.#total, now - this.#begun)}`);
  }

  /** Takes it off the terminal. */
  clear(): void {
    if (process.stderr.isTTY && this.#shownAt > 0) process.stderr.write('\r\u001b[2K');
  }
}

/** `[████      ]  17 %  1,234,000 events  456,000 a second  12s left` */
export function progressLine(
  { bytes, events }: Pick<LogFiles, 'bytes' | 'events'>,
  total: number | null,
  tookMs: number,
): string {
  const rate = `${plural(events, 'event')}  ${grouped(Math.round((events * SECOND) / Math.max(1, tookMs)))} a second`;
  if (total === null || total === 0) return rate;
  const part = Math.min(1, bytes / total);
  const bar = '█'.repeat(Math.round(part * WIDTH)).padEnd(WIDTH);
  const left = part === 0 ? '' : `  ${span((tookMs * (1 - part)) / part)} left`;
  return `[${bar}] ${`${Math.floor(part * 100)}`.padStart(3)} %  ${rate}${left}`;
}
