import { EdgeError } from '../../model/index.ts';
import type { Deadline } from '../exchange.ts';
import { isFields } from '../marked-fields.ts';
import { member, type Session } from './session.ts';
import { refusal } from './verdicts.ts';

/** A mount that has to be KV version 2: a write to version 1 would be answered as done and stored under a wrong name. */
export class Mount {
  readonly name: string;
  readonly #session: Session;
  #isVersion2 = false;

  constructor(name: string, session: Session) {
    this.name = name;
    this.#session = session;
  }

  /** Whether it was seen to be version 2. */
  get isVersion2(): boolean {
    return this.#isVersion2;
  }

  /** @throws {EdgeError} `not_kv2`, `wrong_mount`, `denied`: all permanent; or that Vault cannot be asked now */
  async check(path: string, deadline: Deadline): Promise<void> {
    const { name } = this;
    const answer = await this.#session.send({ path: `sys/internal/ui/mounts/${name}/${path}` }, deadline);
    if (answer.status === 403) {
      throw new EdgeError({
        code: 'denied',
        verdict: 'permanent',
        message: `there is no mount ${name}, or this login has no right to anything below it; create it or grant the rights`,
      });
    }
    const data = answer.status === 200 ? member(answer, 'data') : null;
    if (data === null) throw refusal(answer, { doing: `asking for the mount ${name}`, writes: false });
    const options = isFields(data.options) ? data.options : {};
    if (data.type !== 'kv' || options.version !== '2') throw notVersion2(name, data.type === 'kv');
    if (data.path !== `${name}/`) {
      throw new EdgeError({
        code: 'wrong_mount',
        verdict: 'permanent',
        message: `${name} is not a mount but a folder in one; give the mount itself, and the rest in path`,
      });
    }
    this.#isVersion2 = true;
  }
}

/** `keyValue`: it is a key-value engine, but of version 1. */
export function notVersion2(mount: string, keyValue: boolean): EdgeError {
  return new EdgeError({
    code: 'not_kv2',
    verdict: 'permanent',
    message:
      `the mount ${mount} is ${keyValue ? 'KV version 1' : 'no key-value engine'}; ` +
      `Keywarden needs KV version 2: choose another mount, or upgrade it (vault kv enable-versioning ${mount})`,
  });
}
