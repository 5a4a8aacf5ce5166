const REDACTED = '[redacted]';

/**
 * A secret value that cannot become text by accident.
 *
 * Converting it to a string (a template literal, `String(secret)`, `'' + secret`) throws, so that
 * "[object Object]" can never be published; `JSON.stringify` and `util.inspect` show "[redacted]".
 * The value leaves only through {@link Secret.reveal} and {@link Secret.bytes}, which are easy to search for.
 *
 * @example
 * const key = Secret.from('ff_live_8x9a2b…');
 * headers.authorization = `Bearer ${key.reveal()}`;
 */
export class Secret {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Takes text (kept as UTF-8) or bytes (copied). */
  static from(value: string | Uint8Array): Secret {
    return new Secret(typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value));
  }

  /** The value as UTF-8 text. Call it where the value leaves Keywarden and nowhere else. */
  reveal(): string {
    return this.#bytes.toString('utf8');
  }

  /** A copy of the value's bytes. */
  bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** Length in bytes. */
  get length(): number {
    return this.#bytes.length;
  }

  /** True where both hold the same bytes. */
  equals(other: Secret): boolean {
    return this.#bytes.equals(other.#bytes);
  }

  /** @throws {TypeError} always */
  toString(): never {
    throw new TypeError('a Secret was converted to a string; call reveal() where the value may leave');
  }

  /** @throws {TypeError} always */
  [Symbol.toPrimitive](): never {
    return this.toString();
  }

  toJSON(): string {
    return REDACTED;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}
