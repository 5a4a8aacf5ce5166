/** An answer that says what was wrong, as an RFC 9457 problem document. */
export class Problem extends Error {
  readonly status: number;
  /** Stable: the last part of the document's `type`. */
  readonly code: string;
  /** Further members of the document. */
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    detail: string,
    more: { readonly members?: Record<string, unknown>; readonly headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.members = more.members ?? {};
    this.headers = more.headers ?? {};
  }

  /** The document's body. */
  document(): Record<string, unknown> {
    const title = this.code.replaceAll('-', ' ');
    return {
      type: `urn:keywarden:problem:${this.code}`,
      title,
      status: this.status,
      detail: this.message,
      ...this.members,
    };
  }
}

export const notFound = (detail: string): Problem => new Problem(404, 'not-found', detail);
export const badRequest = (detail: string): Problem => new Problem(400, 'bad-request', detail);
