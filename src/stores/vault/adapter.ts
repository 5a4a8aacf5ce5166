import { EdgeError, type Mark, type PluginContext, type Secret } from '../../model/index.ts';
import type { Found, Store } from '../contract.ts';
import { type Answer, type Deadline, deadlineIn } from '../exchange.ts';
import {
  assertText,
  type Fields,
  isAsRead,
  isFields,
  isVersion,
  type MarkedValue,
  markField,
  markNote,
  readMarked,
  withMarked,
  withUnmarked,
} from '../marked-fields.ts';
import { connect } from './client.ts';
import { assertNoteFits, noCustomMetadata } from './custom-metadata.ts';
import { Mount, notVersion2 } from './mount.ts';
import { checkRights } from './rights.ts';
import type { VaultConfig, VaultTarget } from './schema.ts';
import { member, Session } from './session.ts';
import { refusal } from './verdicts.ts';

/** A secret as it stands: version 0 where there is none; a deleted one has a version and no fields. */
type Standing = {
  readonly version: number;
  readonly fields: Fields;
  /** Its `custom_metadata`; empty where it has none. */
  readonly custom: Fields;
};

type Wanted = { readonly value: Secret; readonly mark: Mark; readonly expected: Found | null };

/** How often one publication reads and merges anew while others keep writing to the same secret. */
const MAX_TRIES = 5;

/**
 * Publishes into HashiCorp Vault's or OpenBao's KV version 2: one field of a secret, its mark in the field beside it
 * or in the secret's custom_metadata. The other fields belong to others: they are kept, whenever they change.
 * Every operation has `timeout` for all it does, a renewed login included.
 *
 * @example
 * const store = create(context);
 * const found = await store.readBack({ path: 'footage/frameflow', field: 'api_key' });
 */
export function create(context: PluginContext<VaultConfig>): Store<VaultTarget> {
  const session = new Session(context, connect(context));
  const secret = new KvSecret(context, session);
  const deadline = () => deadlineIn(context.config.timeout, context, 'Vault');
  return {
    preflight: (target) => secret.preflight(target, deadline()),
    readBack: (target) => secret.readBack(target, deadline()),
    publish: (target, value, mark, expected) => secret.publish(target, { value, mark, expected }, deadline()),
    renewLogin: () => session.renew(deadline()),
    close: async () => {},
  };
}

class KvSecret {
  readonly #mount: Mount;
  readonly #session: Session;
  readonly #marks: VaultConfig['marks'];
  readonly #digest: (...parts: readonly string[]) => string;

  constructor(context: PluginContext<VaultConfig>, session: Session) {
    this.#mount = new Mount(context.config.mount, session);
    this.#session = session;
    this.#marks = context.config.marks;
    this.#digest = (...parts) => context.hash.digest(...parts);
  }

  async preflight(target: VaultTarget, deadline: Deadline): Promise<void> {
    const beside = this.#marks === 'sibling';
    if (!beside) assertNoteFits(markField(target.field), '');
    await this.#mount.check(target.path, deadline);
    const standing = await this.#read(target, deadline);
    this.#found(target, standing);
    await checkRights(
      this.#session,
      {
        [this.#path('data', target)]: standing.version === 0 ? 'create' : 'update',
        ...(beside ? {} : { [this.#path('metadata', target)]: 'patch' }),
      },
      deadline,
    );
    // A secret that is there shows whether the server has custom_metadata; of one that is not, only the answer to a
    // patch does, which adds nothing to it.
    if (!beside && standing.version === 0) await this.#patch(target, {}, deadline);
  }

  async readBack(target: VaultTarget, deadline: Deadline): Promise<Found | null> {
    const standing = await this.#read(target, deadline);
    if (standing.version === 0) return null;
    return { ...this.#found(target, standing), revision: String(standing.version) };
  }

  async publish(target: VaultTarget, wanted: Wanted, deadline: Deadline): Promise<void> {
    assertText(wanted.value);
    if (this.#marks === 'custom_metadata') assertNoteFits(markField(target.field), this.#note(wanted));
    if (!this.#mount.isVersion2) await this.#mount.check(target.path, deadline);
    for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
      if (await this.#bring(target, wanted, deadline)) return;
    }
    throw conflict(`others write to ${this.#name(target)} all the time; trying again`);
  }

  /**
   * Read, compare, write. False where somebody else wrote in between: to be done again.
   *
   * The mark in custom_metadata takes a request of its own, after the value's. A crash between the two leaves the value
   * with an old mark, whose digest says that it is not this value's: it counts as none, and here it is put right.
   *
   * @throws {EdgeError} `conflict` where our field is no longer as the caller read it
   */
  async #bring(target: VaultTarget, wanted: Wanted, deadline: Deadline): Promise<boolean> {
    const { value, mark, expected } = wanted;
    const standing = await this.#read(target, deadline);
    const found = this.#found(target, standing);
    if (isVersion(found, value, mark)) return true;
    const held = found.value?.equals(value) === true;
    // Where only the mark is missing nothing of anybody's is lost.
    if (!(held && found.mark === null) && !isAsRead(found, expected)) {
      const field = `${target.field} of ${this.#name(target)}`;
      throw conflict(
        `${field} has changed since it was read (version ${standing.version}); reading it again`,
      );
    }
    if (this.#marks === 'sibling') {
      const data = withMarked(standing.fields, target.field, value, mark, this.#digest);
      return this.#write(target, standing.version, data, deadline);
    }
    const data = withUnmarked(standing.fields, target.field, value);
    if (!held && !(await this.#write(target, standing.version, data, deadline))) return false;
    return this.#patch(target, { [markField(target.field)]: this.#note(wanted) }, deadline);
  }

  /** The mark counts wherever it stands: the configuration may have been another when it was written. */
  #found(target: VaultTarget, { fields, custom }: Standing): MarkedValue {
    const read = (notes: Fields) => readMarked(fields, target.field, this.#name(target), this.#digest, notes);
    const [first, second] = this.#marks === 'sibling' ? [fields, custom] : [custom, fields];
    const found = read(first);
    return found.mark === null ? read(second) : found;
  }

  async #read(target: VaultTarget, deadline: Deadline): Promise<Standing> {
    const answer = await this.#session.send({ path: this.#path('data', target) }, deadline);
    const data = member(answer, 'data');
    const metadata = isFields(data?.metadata) ? data.metadata : {};
    const { version, custom_metadata: custom } = metadata;
    if ((answer.status === 200 || answer.status === 404) && typeof version === 'number') {
      if (this.#marks === 'custom_metadata' && custom === undefined) throw noCustomMetadata();
      const fields = answer.status === 200 && isFields(data?.data) ? data.data : {};
      return { version, fields, custom: isFields(custom) ? custom : {} };
    }
    if (answer.status === 200 && data !== null && !('metadata' in data)) {
      throw notVersion2(this.#mount.name, true);
    }
    if (answer.status === 404 && isPlainAbsence(answer)) return { version: 0, fields: {}, custom: {} };
    throw refusal(answer, { doing: `reading ${this.#name(target)}`, writes: false });
  }

  /** False where the secret is no longer at `version`. */
  async #write(target: VaultTarget, version: number, data: Fields, deadline: Deadline): Promise<boolean> {
    const body = { options: { cas: version }, data };
    const answer = await this.#session.send({ path: this.#path('data', target), body }, deadline);
    if (answer.status === 200) return true;
    // 204 without a version is how KV version 1 takes a write.
    if (answer.status === 204) throw notVersion2(this.#mount.name, true);
    const error = refusal(answer, { doing: `writing ${this.#name(target)}`, writes: true });
    if (error.code === 'conflict') return false;
    throw error;
  }

  /** Adds to the secret's custom_metadata; what others have there stays. False where there is no secret. */
  async #patch(
    target: VaultTarget,
    custom: Readonly<Record<string, string>>,
    deadline: Deadline,
  ): Promise<boolean> {
    const path = this.#path('metadata', target);
    const body = { custom_metadata: custom };
    const answer = await this.#session.send({ method: 'PATCH', path, body }, deadline);
    if (answer.status === 200 || answer.status === 204) return true;
    if (answer.status === 404) return false;
    if (answer.status === 405) throw noCustomMetadata();
    const doing = `writing the custom_metadata of ${this.#name(target)}`;
    throw refusal(answer, { doing, writes: true, grant: `patch on ${path}` });
  }

  #note({ value, mark }: Wanted): string {
    return markNote(value.reveal(), mark, this.#digest);
  }

  #path(kind: 'data' | 'metadata', target: VaultTarget): string {
    return `${this.#mount.name}/${kind}/${target.path}`;
  }

  #name(target: VaultTarget): string {
    return `${this.#mount.name}/${target.path}`;
  }
}

/** 404 without a reason: a secret that never was. A mount that is not there has its reason in `errors`. */
function isPlainAbsence(answer: Answer): boolean {
  const errors = isFields(answer.body) ? answer.body.errors : null;
  return Array.isArray(errors) && errors.length === 0;
}

function conflict(message: string): EdgeError {
  return new EdgeError({ code: 'conflict', verdict: 'retryable', message });
}
