import { type Alert, DAY, Secret } from '../../model/index.ts';
import type { AuditHead } from '../../state/audit-head.ts';
import type { AuditMark, State } from '../../state/contract.ts';
import { openMemory, openMemoryDatabase } from '../../state/sqlite/index.ts';
import { AuditWatch } from '../audit-watch.ts';
import { Committer } from '../commit.ts';
import { quiet } from './context.ts';
import { OutboxWorld } from './outbox.ts';

/** More than are compared at once. */
export const ENTRIES = 900;

type Database = ReturnType<typeof openMemoryDatabase>;

/** An audit log, and processes that look through it one after the other. */
export class AuditLog {
  readonly world: OutboxWorld;
  readonly #database: Database;
  state: State;
  /** Of the processes that begin from now on. */
  stopping = new AbortController();
  /** What is kept of its end beside the state; undefined: nothing can be. */
  head: AuditHead | undefined;
  /** What the daemon's log says since the last process began. */
  said: [fields: unknown, text: string][] = [];

  private constructor(world: OutboxWorld, database: Database, state: State) {
    this.world = world;
    this.#database = database;
    this.state = state;
  }

  /** @example const log = await AuditLog.make(); onTestFinished(() => log.state.close()); */
  static async make(): Promise<AuditLog> {
    const [world, database] = [await OutboxWorld.make(), openMemoryDatabase()];
    const keys = [Secret.from(Buffer.alloc(32, 7))];
    const state = await openMemory({ keys, now: () => world.now, owner: 'test', database });
    const entry = { actor: 'ops', action: 'rotation.requested', credential: 'frameflow-prod', detail: {} };
    await state.commit(
      Array.from({ length: ENTRIES }, (_, index) => {
        return { type: 'audit.append', entry: { ...entry, at: world.now - DAY + index } } as const;
      }),
    );
    return new AuditLog(world, database, state);
  }

  get now(): number {
    return this.world.now;
  }

  set now(at: number) {
    this.world.now = at;
  }

  /** A process that has just begun. @param verify what stands before each slice's comparison */
  begin(verify: State['verifyAudit'] = this.state.verifyAudit, former: AuditWatch | null = null): AuditWatch {
    this.said = [];
    const say = (fields: unknown, text: string) => void this.said.push([fields, text]);
    const context = {
      ...this.world.contextWith('team'),
      ...(this.head === undefined ? {} : { auditHead: this.head }),
      log: { ...quiet, info: say, warn: say },
      state: { ...this.state, verifyAudit: verify },
    };
    return new AuditWatch(context, new Committer(context, () => {}), this.stopping.signal, former);
  }

  append(at: number): Promise<void> {
    const entry = { at, actor: 'ops', action: 'rotation.requested', credential: null, detail: {} };
    return this.state.commit([{ type: 'audit.append', entry }]);
  }

  /** As somebody who can write to the database. */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  async alerts(): Promise<readonly Alert[]> {
    return (await this.state.alerts({})).items.filter(({ kind }) => kind === 'audit-broken');
  }
}

/** Keeps the end of a log in memory. */
export function keeping(): AuditHead & { kept: AuditMark | null } {
  const own = {
    kept: null as AuditMark | null,
    load: async () => own.kept,
    save: async (mark: AuditMark) => void Object.assign(own, { kept: mark }),
    forget: async () => void Object.assign(own, { kept: null }),
    reseal: async () => {},
  };
  return own;
}
