import type { FaultRule } from '../../src/sandbox/index.ts';
import type { Stream } from '../simulation/streams.ts';
import type { World } from '../support/world.ts';
import type { Trace } from './trace.ts';

type Fault = FaultRule['fault'];

/** Longer than the daemon waits for an answer. */
const TOO_LONG = 1_400;

const UNAVAILABLE: readonly Fault[] = [
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'drop-before' },
  { kind: 'drop-after' },
  { kind: 'delay', ms: TOO_LONG },
];

const AT_ROTATE: readonly Fault[] = [
  ...UNAVAILABLE,
  { kind: 'status', status: 500, processed: true },
  { kind: 'status', status: 502, processed: true },
  { kind: 'garbage' },
  { kind: 'truncated' },
  { kind: 'endless' },
  { kind: 'redirect', to: 'https://127.0.0.1:1/' },
];

const AT_LOGS: readonly Fault[] = [...UNAVAILABLE, { kind: 'garbage' }, { kind: 'truncated' }];

const DOWN = { status: 503, body: { errors: ['down'] } };

/** What goes wrong around the daemon, drawn anew again and again. The calls of applications are left alone. */
export class Weather {
  readonly #world: World;
  readonly #stream: Stream;
  readonly #trace: Trace;

  constructor(world: World, stream: Stream, trace: Trace) {
    this.#world = world;
    this.#stream = stream;
    this.#trace = trace;
  }

  change(): void {
    this.clear();
    this.#trace.note('weather: fair');
    const stream = this.#stream;
    if (stream.chance(0.25)) return;
    const { sandbox, vaultServer, awsServer } = this.#world;
    if (stream.chance(0.5)) this.#strike('frameflow', '/v1/auth/rotate', AT_ROTATE);
    if (stream.chance(0.3)) this.#strike('frameflow', '/v1/auth/logs', AT_LOGS);
    if (stream.chance(0.3)) this.#strike('slack', '/', UNAVAILABLE);
    if (stream.chance(0.3)) this.#strike('pagerduty', '/', UNAVAILABLE);
    if (stream.chance(0.2))
      this.#note('no Idempotency-Key', () => {
        sandbox.admin.changeSettings({ idempotency: false });
      });
    if (stream.chance(0.2))
      this.#note('Vault sealed', () => {
        vaultServer.sealed = true;
      });
    if (stream.chance(0.2)) {
      const fault = stream.pick([DOWN, 'hang'] as const);
      this.#note('AWS down', () => {
        awsServer.fault = () => fault;
      });
    }
  }

  /** One kind of fault for the next few requests, or for all of them until the weather changes. */
  #strike(service: FaultRule['service'], path: string, faults: readonly Fault[]): void {
    const fault = this.#stream.pick(faults);
    const times = this.#stream.chance(0.2) ? 0 : this.#stream.whole(1, 4);
    const status = fault.kind === 'status' ? ` ${fault.status}` : '';
    this.#note(`${service} ${path}: ${fault.kind}${status}`, () =>
      this.#world.sandbox.admin.setFault({ service, path, times, fault }),
    );
  }

  #note(name: string, begin: () => void): void {
    this.#trace.note(`weather: ${name}`);
    begin();
  }

  /** Fair again. */
  clear(): void {
    const { sandbox, vaultServer, awsServer } = this.#world;
    sandbox.admin.clearFaults();
    sandbox.admin.changeSettings({ idempotency: true });
    vaultServer.sealed = false;
    awsServer.fault = null;
  }
}
