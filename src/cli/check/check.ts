import { readConfig, renderFault } from '../../config/index.ts';
import { EXIT } from '../exit.ts';
import type { ConfigOptions } from '../options.ts';
import { type Paint, paint, print, printable, printJson } from '../terminal.ts';
import type { Result } from './result.ts';

export type CheckOptions = ConfigOptions & { readonly offline?: boolean; readonly json?: boolean };

const COLOURS: Readonly<Record<Result['level'], Paint>> = { ok: 'green', warn: 'yellow', FAIL: 'red' };

/**
 * Validates the configuration, then tries everything that it names, a line each. Nothing is changed, nothing is sent to
 * a channel, and the state is not opened: a daemon may be running on it.
 */
export async function check({ config: files, offline = false, json = false }: CheckOptions): Promise<number> {
  const results: Result[] = [];
  const say = (result: Result) => {
    results.push(result);
    if (!json) print(line(result));
  };
  const reading = await readConfig({ files, env: process.env, cwd: process.cwd(), offline });
  const invalid = [...reading.faults, ...reading.unsupported];
  for (const fault of invalid) say({ level: 'FAIL', about: 'configuration', message: renderFault(fault) });
  for (const warning of reading.warnings)
    say({ level: 'warn', about: 'configuration', message: renderFault(warning) });
  const { config } = reading;
  if (config !== null && invalid.length === 0) {
    say({ level: 'ok', about: 'configuration', message: `${reading.sources.join(', ')} is valid` });
    const { idleDetectors } = await import('./detectors.ts');
    for (const result of idleDetectors(config)) say(result);
    if (!offline) {
      const { probe } = await import('./probe.ts');
      for await (const result of probe(config, reading.sources)) say(result);
    }
  }
  const valid = invalid.length === 0;
  const failed = results.some(({ level }) => level === 'FAIL');
  if (json) printJson({ ok: !failed, results });
  if (!valid) return EXIT.usage;
  return failed ? EXIT.faults : EXIT.done;
}

function line({ level, about, message }: Result): string {
  return `${paint(COLOURS[level], level.padEnd(4))}  ${about}: ${printable(message)}`;
}
