import type { Registry } from 'prom-client';
import type { Counters } from './counters.ts';

/** A gauge read from the state at the moment of the scrape. */
export type Gauge = {
  readonly name: string;
  readonly help: string;
  readonly series: ReadonlyArray<{
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }>;
};

/** What a counter or distribution means; names without the prefix. */
const COUNTERS: Readonly<Record<string, string>> = {
  rotations_total: 'Rotations that reached overlap, failed or attention.',
  oauth_refreshes_total: 'Refreshes of OAuth grants.',
  log_events_total: 'Events read from the provider log.',
  findings_total: 'Alerts raised or raised again.',
  alert_deliveries_total: 'Messages sent to channels, by what came of them.',
  provider_requests_total: 'Requests to providers, by status class; none: no answer.',
};

const GAUGES: Readonly<Record<string, string>> = {
  provider_rate_limit_remaining: "Requests left in the provider's current window, by its last answer.",
};

const STEP_SECONDS = 'rotation_step_seconds';
const PREFIX = 'keywarden_';

let registry: Promise<Registry> | null = null;

/** Loaded at the first scrape: the library costs up to 20 MB that a daemon nobody scrapes need not carry. */
async function load(): Promise<Registry> {
  const { Registry, collectDefaultMetrics, Histogram } = await import('prom-client');
  const made = new Registry();
  collectDefaultMetrics({ register: made });
  new Histogram({
    name: PREFIX + STEP_SECONDS,
    help: 'How long one step of a rotation took.',
    labelNames: ['step'],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120],
    registers: [made],
  });
  return made;
}

/** The Prometheus text of everything counted and of `gauges`. */
export async function exposition(
  counters: Counters,
  gauges: readonly Gauge[],
): Promise<{ type: string; text: string }> {
  registry ??= load();
  const made = await registry;
  const { Counter, Gauge: PromGauge } = await import('prom-client');
  for (const [name, help] of Object.entries(COUNTERS))
    renew(made, Counter, name, help, counters.counted(name));
  for (const [name, help] of Object.entries(GAUGES))
    renew(made, PromGauge, name, help, counters.counted(name));
  for (const { name, help, series } of gauges) renew(made, PromGauge, name, help, series);
  const histogram = made.getSingleMetric(PREFIX + STEP_SECONDS) as import('prom-client').Histogram;
  for (const { labels, values } of counters.takeObserved(STEP_SECONDS)) {
    for (const value of values) histogram.observe({ ...labels }, value);
  }
  return { type: made.contentType, text: await made.metrics() };
}

type Metric = { inc(labels: Record<string, string>, value: number): void };
type MetricClass = new (options: {
  name: string;
  help: string;
  labelNames: string[];
  registers: Registry[];
}) => Metric;

/** A metric is made anew at each scrape, so that series that are gone do not linger. */
function renew(made: Registry, kind: MetricClass, name: string, help: string, series: Gauge['series']): void {
  made.removeSingleMetric(PREFIX + name);
  const labelNames = [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))];
  const metric = new kind({ name: PREFIX + name, help, labelNames, registers: [made] });
  for (const { labels, value } of series) metric.inc({ ...labels }, value);
}
