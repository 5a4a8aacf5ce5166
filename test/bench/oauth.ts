import { killGrants } from '../chaos/grants.ts';
import { bundleDaemon } from '../chaos/program.ts';
import { bench as daemon, type OAuthDaemonOptions } from './oauth-daemon.ts';
import { type OAuthStateOptions, bench as state } from './oauth-state.ts';
import type { Row } from './row.ts';

export type OAuthOptions = {
  readonly state?: OAuthStateOptions;
  readonly daemon?: OAuthDaemonOptions;
  readonly kills?: number;
};

/** Fixed, so that two runs kill after the same pauses. */
const SEED = 7;

/** A million grants: in the state, through the daemon, and through SIGKILL. */
export async function bench(options: OAuthOptions = {}): Promise<Row[]> {
  const { kills = 200 } = options;
  return [...(await daemon(options.daemon)), ...(await state(options.state)), ...(await killed(kills))];
}

async function killed(kills: number): Promise<Row[]> {
  await using bundled = await bundleDaemon();
  const program = bundled.file;
  const within = await killGrants({ seed: SEED, kills, graceMs: 30_000, program });
  const without = await killGrants({ seed: SEED, kills, graceMs: 0, program });
  for (const { faults } of [within, without]) {
    if (faults.length > 0) throw new Error(`grants were not kept through kills:\n${faults.join('\n')}`);
  }
  const unmarked = without.lost - without.marked;
  return [
    {
      name: `oauth: ${kills} kills, 30 s of grace: lost`,
      value: within.lost,
      unit: 'grants',
      target: { atMost: 0 },
    },
    { name: `oauth: ${kills} kills, no grace: lost`, value: without.lost, unit: 'grants' },
    {
      name: 'oauth: of these not written down before',
      value: unmarked,
      unit: 'grants',
      target: { atMost: 0 },
    },
  ];
}
