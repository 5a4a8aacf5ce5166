import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/index.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { makeDaemon } from './daemon.ts';
import { type Row, rounded } from './row.ts';

const MONITOR = 'log';
const POLL = { cron: '*/2 * * * * *', ms: 2_000 } as const;

/**
 * From the poll that is the first to see an event in the log to the moment at which the alert of it stands in the chat: what
 * the whole way takes beyond the poll interval, however soon after a poll the event came. Of so many alerts, one daemon for
 * each, with real connections.
 */
export async function delays(turns: number): Promise<Row[]> {
  const took: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) took.push(await alertOnce(turn));
  return [
    {
      name: 'watch: from an event in the log to its alert, beyond the poll interval, the longest',
      value: rounded(Math.max(...took), 0),
      unit: 'ms',
      target: { atMost: 1_000 },
    },
  ];
}

async function alertOnce(turn: number): Promise<number> {
  const sandbox = await startSandbox();
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-bench-'));
  try {
    const file = join(folder, 'keywarden.yaml');
    await writeFile(join(folder, 'ca.pem'), sandbox.ca);
    await writeFile(file, JSON.stringify(documentOf(sandbox, folder)), { mode: 0o600 });
    const { config } = await loadConfig({ files: [file], env: sandbox.environment, cwd: folder });
    const daemon = await makeDaemon(config, { state: (state) => state });
    try {
      await daemon.engine.start();
      await polledOnce(daemon.engine);
      // The polls come every other second: each turn begins at another moment between them.
      await new Promise((resolve) => setTimeout(resolve, (POLL.ms * (turn % 4)) / 4));
      return await tellOf(sandbox, `198.51.100.${turn + 1}`);
    } finally {
      await daemon.stop();
    }
  } finally {
    await sandbox.close();
    await rm(folder, { recursive: true });
  }
}

async function polledOnce(engine: Engine): Promise<void> {
  const late = AbortSignal.timeout(30_000);
  for (;;) {
    const turned = engine.nextTurn(late);
    const monitor = await engine.context.state.monitor(MONITOR);
    if (monitor !== null && monitor.polledAt !== null) return;
    if (late.aborted) throw new Error('the log was not polled');
    await turned;
  }
}

/** An accepted call from a country that nobody registered. */
async function tellOf({ admin, slack }: Sandbox, ip: string): Promise<number> {
  const told = slack.waitFor(({ text, payload }) => `${text} ${JSON.stringify(payload)}`.includes(ip), {
    timeoutMs: 30_000,
  });
  admin.playEvents([{ key_id: 'key_other', ip, geo: { country: 'RU' }, status: 200 }]);
  const poll = Math.ceil(Date.now() / POLL.ms) * POLL.ms;
  await told;
  return Date.now() - poll;
}

function documentOf({ frameflow }: Sandbox, folder: string): object {
  const tls = { caFile: join(folder, 'ca.pem') };
  const inFile = { file: join(folder, 'app.env'), format: 'dotenv', variable: 'FRAMEFLOW_API_KEY' };
  return {
    version: 1,
    installation: { name: 'bench', environment: 'production' },
    state: { directory: join(folder, 'state'), encryptionKeys: [{ env: 'KEYWARDEN_MASTER_KEY' }] },
    schedule: { pollLogs: POLL.cron },
    providers: { frameflow: { kind: 'frameflow', apiUrl: frameflow.url, tier: 'pro', rateShare: 1, tls } },
    credentials: {
      mine: { provider: 'frameflow', secret: { env: 'FRAMEFLOW_API_KEY' }, publish: [inFile] },
    },
    monitors: {
      [MONITOR]: {
        provider: 'frameflow',
        credential: 'mine',
        geolocations: ['DE'],
        otherKeys: { key_other: { owner: 'bench' } },
      },
    },
    alerts: { channels: { team: { kind: 'slack', webhookUrl: { env: 'SLACK_WEBHOOK_URL' }, tls } } },
    api: { listen: `unix:${join(folder, 'api.sock')}` },
  };
}
