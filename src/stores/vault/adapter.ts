import { EdgeError, type Mark, type PluginContext, type Secret } from '../../model/index.ts';
import type { Found, Store } from '../contract.ts';
import { assertText, type Fields, isFields, isVersion, readMarked, withMarked } from '../marked-fields.ts';
import { type Answer, connect, type Deadline, deadlineIn } from './client.ts';
import type { VaultConfig, VaultTarget } from './schema.ts';
import { Session } from './session.ts';
import { refusal } from './verdicts.ts';

/** A secret as it stands: version 0 where there is none; a deleted one has a version and no fields. */
type Standing = { readonly version: number; readonly fields: Fields };

/**
 * Publishes into HashiCorp Vault's or OpenBao's KV version 2: one field of a secret, its mark in the field beside it.
 * Every operation has `timeout` for all it does, a renewed login included.
 *
 * @example
 * const store = create(context);
 * const found = await store.readBack({ path: 'footage/frameflow', field: 'api_key' });
 */
export function create(context: PluginContext<VaultConfig>): Store<VaultTarget> {
  const session = new Session(context, connect(context));
  const secret = new KvSecret(context, session);
  const deadline = () => deadlineIn(context.config.timeout, context);
  return {
    preflight: (target) => secret.preflight(target, deadline()),
    readBack: (target) => secret.readBack(target, deadline()),
    publish: (target, value, mark, expected) => secret.publish(target, value, mark, expected, deadline()),
    renewLogin: () => session.renew(deadline()),
    close: async () => {},
  };
}

class KvSecret {
  readonly #mount: string;
  readonly #session: Session;
  readonly #digest: (...parts: readonly string[]) => string;
  /** Whether this mount was seen to be KV version 2; a write to version 1 would be stored under a wrong name. */
  #isVersion2 = false;

  constructor(context: PluginContext<VaultConfig>, session: Session) {
    this.#mount = context.config.mount;
    this.#session = session;
    this.#digest = (...parts) => context.hash.digest(...parts);
  }

  async preflight(target: VaultTarget, deadline: Deadline): Promise<void> {
    await this.#checkMount(target, deadline);
    const { version, fields } = await this.#read(target, deadline);
    readMarked(fields, target.field, this.#name(target), this.#digest);
    await this.#checkRights(target, version === 0 ? 'create' : 'update', deadline);
  }

  async readBack(target: VaultTarget, deadline: Deadline): Promise<Found | null> {
    const { version, fields } = await this.#read(target, deadline);
    if (version === 0) return null;
    return {
      ...readMarked(fields, target.field, this.#name(target), this.#digest),
      revision: String(version),
    };
  }

  async publish(
    target: VaultTarget,
    value: Secret,
    mark: Mark,
    expected: Found | null,
    deadline: Deadline,
  ): Promise<void> {
    assertText(value);
    if (!this.#isVersion2) await this.#checkMount(target, deadline);
    const { version, fields } = await this.#read(target, deadline);
    if (isVersion(readMarked(fields, target.field, this.#name(target), this.#digest), value, mark)) return;
    const read = expected?.revision ?? '0';
    if (read !== String(version)) throw this.#conflict(target, read, version);
    const data = withMarked(fields, target.field, value, mark, this.#digest);
    const body = { options: { cas: version }, data };
    const answer = await this.#session.send({ path: this.#path(target), body }, deadline);
    // 204 without a version is how KV version 1 takes a write.
    if (answer.status === 204) throw this.#notVersion2('1');
    if (answer.status !== 200)
      throw refusal(answer, { doing: `writing ${this.#name(target)}`, writes: true });
  }

  async #read(target: VaultTarget, deadline: Deadline): Promise<Standing> {
    const answer = await this.#session.send({ path: this.#path(target) }, deadline);
    const data = memberOf(answer, 'data');
    const version = isFields(data?.metadata) ? data.metadata.version : undefined;
    if ((answer.status === 200 || answer.status === 404) && typeof version === 'number') {
      return { version, fields: answer.status === 200 && isFields(data?.data) ? data.data : {} };
    }
    if (answer.status === 200 && data !== null && !('metadata' in data)) throw this.#notVersion2('1');
    if (answer.status === 404 && isPlainAbsence(answer)) return { version: 0, fields: {} };
    throw refusal(answer, { doing: `reading ${this.#name(target)}`, writes: false });
  }

  async #checkMount(target: VaultTarget, deadline: Deadline): Promise<void> {
    const path = `sys/internal/ui/mounts/${this.#mount}/${target.path}`;
    const answer = await this.#session.send({ path }, deadline);
    if (answer.status === 403) {
      throw new EdgeError({
        code: 'denied',
        verdict: 'permanent',
        message: `there is no mount ${this.#mount}, or this login has no right to anything below it; create it or grant the rights`,
      });
    }
    const data = answer.status === 200 ? memberOf(answer, 'data') : null;
    if (data === null) throw refusal(answer, { doing: `asking for the mount ${this.#mount}`, writes: false });
    const options = isFields(data.options) ? data.options : {};
    if (data.type !== 'kv' || options.version !== '2') {
      throw this.#notVersion2(data.type === 'kv' ? '1' : null);
    }
    if (data.path !== `${this.#mount}/`) {
      throw new EdgeError({
        code: 'wrong_mount',
        verdict: 'permanent',
        message: `${this.#mount} is not a mount but a folder in one; give the mount itself, and the rest in path`,
      });
    }
    this.#isVersion2 = true;
  }

  /** By `capabilities-self`, which the `default` policy allows; where that is denied, the write itself will tell. */
  async #checkRights(target: VaultTarget, right: 'create' | 'update', deadline: Deadline): Promise<void> {
    const body = { paths: [this.#path(target)] };
    const answer = await this.#session.send({ path: 'sys/capabilities-self', body }, deadline);
    if (answer.status === 403) return;
    const held = answer.status === 200 ? memberOf(answer, 'data')?.[this.#path(target)] : null;
    if (!Array.isArray(held)) {
      throw refusal(answer, { doing: `asking for the rights on ${this.#name(target)}`, writes: false });
    }
    if (held.includes('root') || held.includes(right)) return;
    throw new EdgeError({
      code: 'denied',
      verdict: 'permanent',
      message: `the login's policy does not allow ${right} on ${this.#path(target)}; grant create, read and update there`,
    });
  }

  #path(target: VaultTarget): string {
    return `${this.#mount}/data/${target.path}`;
  }

  #name(target: VaultTarget): string {
    return `${this.#mount}/${target.path}`;
  }

  #conflict(target: VaultTarget, read: string, version: number): EdgeError {
    return new EdgeError({
      code: 'conflict',
      verdict: 'retryable',
      message: `${this.#name(target)} is at version ${version}, and was read at ${read}; reading it again`,
    });
  }

  #notVersion2(version: string | null): EdgeError {
    return new EdgeError({
      code: 'not_kv2',
      verdict: 'permanent',
      message:
        `the mount ${this.#mount} is ${version === null ? 'no key-value engine' : `KV version ${version}`}; ` +
        `Keywarden needs KV version 2: choose another mount, or upgrade it (vault kv enable-versioning ${this.#mount})`,
    });
  }
}

/** 404 without a reason: a secret that never was. A mount that is not there has its reason in `errors`. */
function isPlainAbsence(answer: Answer): boolean {
  const errors = isFields(answer.body) ? answer.body.errors : null;
  return Array.isArray(errors) && errors.length === 0;
}

function memberOf(answer: Answer, name: string): Fields | null {
  const value = isFields(answer.body) ? answer.body[name] : null;
  return isFields(value) ? value : null;
}
