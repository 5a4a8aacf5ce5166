import type { Secret } from './secret.ts';

/** Where the configuration says a secret comes from. Never the secret itself. */
export type SecretOrigin = { readonly env: string } | { readonly file: string; readonly allowModes?: number };

/**
 * A reference to a secret, as a parsed configuration holds it. The configuration's loader binds it to a reader;
 * plug-ins call {@link SecretSource.read} each time they need the value, so that a changed file is noticed.
 *
 * @example
 * const token = await config.auth.token.read();
 */
export class SecretSource {
  readonly origin: SecretOrigin;
  #reader: ((origin: SecretOrigin) => Promise<Secret>) | null = null;

  constructor(origin: SecretOrigin) {
    this.origin = origin;
  }

  /** For people: `environment variable NAME` or `file PATH`. */
  get where(): string {
    return 'env' in this.origin ? `environment variable ${this.origin.env}` : `file ${this.origin.file}`;
  }

  bind(reader: (origin: SecretOrigin) => Promise<Secret>): void {
    this.#reader = reader;
  }

  /**
   * A file that this one names in turn (a kubeconfig's `tokenFile`), to be read in the same way.
   * `path` is absolute; `allowModes` as in {@link SecretOrigin}.
   */
  beside(path: string, allowModes?: number): SecretSource {
    const other = new SecretSource({ file: path, ...(allowModes === undefined ? {} : { allowModes }) });
    if (this.#reader !== null) other.bind(this.#reader);
    return other;
  }

  /** @throws {KeywardenError} `secret_unavailable` where the variable or file is missing, empty or open to others */
  read(): Promise<Secret> {
    if (this.#reader === null) throw new TypeError(`the secret reference to ${this.where} was never bound`);
    return this.#reader(this.origin);
  }
}
