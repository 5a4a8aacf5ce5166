import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w[Symbol.asyncDispose]());

const scrape = () => call(w.api.address, '/metrics', { token: 'reader' });

/** Public names with their labels; a series needs what it counts. */
const NAMES = [
  'rotations_total',
  'rotation_step_seconds',
  'credential_age_seconds',
  'credential_next_rotation_timestamp_seconds',
  'overlap_ends_timestamp_seconds',
  'publish_state',
  'oauth_refreshes_total',
  'oauth_grants',
  'log_events_total',
  'log_lag_seconds',
  'findings_total',
  'alert_deliveries_total',
  'alert_outbox_depth',
  'provider_requests_total',
  'provider_rate_limit_remaining',
  'due_work',
];

test('every metric of the surface is there at the first scrape, and Node’s own', async () => {
  const { status, headers, text } = await scrape();
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  for (const name of NAMES) expect(text).toContain(`# TYPE keywarden_${name} `);
  expect(text).toContain('nodejs_version_info');
});

test('the series bear the labels and values of what happened', async () => {
  const asked = await call(w.api.address, '/v1/credentials/mine/rotate', {
    method: 'POST',
    token: 'operator',
  });
  const path = `/v1/rotations/${asked.json.id}`;
  await w.until(async () => (await call(w.api.address, path, { token: 'reader' })).json.state === 'overlap');
  const { text } = await scrape();
  expect(text).toContain('keywarden_rotations_total{credential="mine",trigger="manual",outcome="overlap"} 1');
  expect(text).toMatch(/keywarden_credential_age_seconds\{credential="mine"\} \d/);
  expect(text).toMatch(/keywarden_overlap_ends_timestamp_seconds\{credential="mine"\} \d{10}/);
  expect(text).toMatch(/keywarden_publish_state\{credential="mine",destination="file:[^"]+#KEY"\} 1/);
  expect(text).toMatch(/keywarden_provider_requests_total\{provider="frameflow",status_class="2xx"\} \d/);
  expect(text).toMatch(/keywarden_provider_rate_limit_remaining\{provider="frameflow"\} \d/);
  expect(text).toMatch(/keywarden_rotation_step_seconds_count\{step="mint"\} 1/);
  expect(text).not.toContain('ff_live_');
});

test('scrapes at the same time do not get in one another’s way', async () => {
  const answers = await Promise.all([scrape(), scrape(), scrape()]);
  for (const { status, text } of answers) {
    expect(status).toBe(200);
    expect(text).toContain('keywarden_due_work{kind="credential"} 0');
  }
});
