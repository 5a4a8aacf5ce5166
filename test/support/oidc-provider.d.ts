/*
 * The parts of oidc-provider that the tests' authorization server uses: the package brings no types along.
 */
declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  /** Koa's context with what oidc-provider adds; `oidc` is there after the inner middleware ran. */
  export type Context = {
    readonly method: string;
    readonly path: string;
    readonly req: IncomingMessage;
    readonly res: ServerResponse;
    status: number;
    type: string;
    body: unknown;
    respond?: boolean;
    readonly oidc: { readonly body?: Readonly<Record<string, unknown>> };
    set(headers: Readonly<Record<string, string>>): void;
  };

  export type Stored = {
    readonly grantId?: string;
    readonly consumed?: number;
    readonly [field: string]: unknown;
  };

  /** What keeps one kind of object. Consumption must be atomic: the provider itself only reads and then writes. */
  export interface Adapter {
    upsert(id: string, payload: Stored, expiresIn: number): Promise<void>;
    find(id: string): Promise<Stored | undefined>;
    findByUid(uid: string): Promise<Stored | undefined>;
    findByUserCode(userCode: string): Promise<Stored | undefined>;
    consume(id: string): Promise<void>;
    destroy(id: string): Promise<void>;
    revokeByGrantId(grantId: string): Promise<void>;
  }

  export type Interaction = {
    readonly params: { readonly client_id: string; readonly scope?: string };
  };

  type Model = { save(): Promise<string> };

  export class Provider {
    constructor(issuer: string, configuration: object);
    readonly Grant: new (fields: {
      accountId: string;
      clientId: string;
    }) => Model & {
      addOIDCScope(scope: string): void;
      rejectOIDCScope(scope: string): void;
    };
    readonly RefreshToken: new (fields: {
      accountId: string;
      client: object;
      grantId: string;
      gty: string;
      scope: string;
    }) => Model;
    readonly Client: { find(id: string): Promise<object | undefined> };
    callback(): RequestListener;
    use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): void;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
  }

  export const errors: {
    readonly InvalidGrant: new (detail: string) => Error;
  };
}
