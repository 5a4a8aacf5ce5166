import type { EngineContext } from '../engine/context.ts';
import { situationOf } from '../engine/situation.ts';
import { currentVersion, nextRotationAt } from '../rotation/index.ts';
import { exposition, type Gauge } from '../telemetry/metrics.ts';

type Sample = Gauge['series'][number];

/** Everything that can be read from the state is read at the scrape, and counted nowhere else. */
export async function metricsText(context: EngineContext): Promise<{ type: string; text: string }> {
  const gauges = [
    ...(await credentialGauges(context)),
    ...(await workGauges(context)),
    ...(await monitorGauges(context)),
    ...(await grantGauges(context)),
  ];
  return exposition(context.counters, gauges);
}

async function credentialGauges(context: EngineContext): Promise<Gauge[]> {
  const now = context.clock.now();
  const [age, next, overlap, publish]: [Sample[], Sample[], Sample[], Sample[]] = [[], [], [], []];
  for (const credential of Object.keys(context.config.credentials)) {
    const situation = await situationOf(context, credential);
    const { snapshot, policy, spread, destinations } = situation;
    const labels = { credential };
    const current = currentVersion(snapshot.versions);
    if (current !== null) age.push({ labels, value: Math.max(0, now - current.createdAt) / 1_000 });
    const due = nextRotationAt(policy, snapshot, spread, now);
    if (due !== null) next.push({ labels, value: due / 1_000 });
    if (snapshot.open?.overlapEndsAt) overlap.push({ labels, value: snapshot.open.overlapEndsAt / 1_000 });
    for (const { id } of destinations) {
      const known = snapshot.destinations.find((destination) => destination.id === id);
      const has = known?.state === 'published' && known.versionId === current?.id;
      publish.push({ labels: { credential, destination: id }, value: has ? 1 : 0 });
    }
  }
  return [
    { name: 'credential_age_seconds', help: 'Age of the current version.', series: age },
    {
      name: 'credential_next_rotation_timestamp_seconds',
      help: 'When the next rotation is due.',
      series: next,
    },
    { name: 'overlap_ends_timestamp_seconds', help: 'When the open overlap ends.', series: overlap },
    {
      name: 'publish_state',
      help: '1 where the destination has the current version, else 0.',
      series: publish,
    },
  ];
}

async function workGauges({ state, clock }: EngineContext): Promise<Gauge[]> {
  const depth = Object.values(await state.outboxDepth()).reduce((sum, count) => sum + count, 0);
  const due = Object.entries(await state.due(clock.now())).map(([kind, value]) => ({
    labels: { kind },
    value,
  }));
  return [
    {
      name: 'alert_outbox_depth',
      help: 'Messages owed to channels and not delivered yet.',
      series: [{ labels: {}, value: depth }],
    },
    { name: 'due_work', help: 'Records whose due time has come, by kind.', series: due },
  ];
}

async function monitorGauges({ config, state, clock }: EngineContext): Promise<Gauge[]> {
  const series: Sample[] = [];
  for (const monitor of Object.keys(config.monitors)) {
    const record = await state.monitor(monitor);
    if (record?.polledAt)
      series.push({ labels: { monitor }, value: Math.max(0, clock.now() - record.polledAt) / 1_000 });
  }
  return [{ name: 'log_lag_seconds', help: 'Since the provider log was last read to its end.', series }];
}

async function grantGauges({ config, state }: EngineContext): Promise<Gauge[]> {
  const series: Sample[] = [];
  for (const client of Object.keys(config.oauthClients)) {
    const counts = Object.entries(await state.grantCounts(client));
    series.push(...counts.map(([grantState, value]) => ({ labels: { client, state: grantState }, value })));
  }
  return [{ name: 'oauth_grants', help: 'OAuth grants, by where they stand.', series }];
}
