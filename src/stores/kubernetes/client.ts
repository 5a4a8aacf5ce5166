import type { PluginContext } from '../../model/index.ts';
import { type Answer, type Deadline, deadlineIn, exchange } from '../exchange.ts';
import { Access, type Way } from './access.ts';
import type { KubernetesConfig, KubernetesTarget } from './schema.ts';
import { loginRefused } from './verdicts.ts';

type Request = {
  readonly method: 'GET' | 'PATCH';
  /** Below the server's address. Only validated names: nothing is escaped. */
  readonly path: string;
  readonly body?: object;
  readonly writes: boolean;
};

/** How an intent is applied. */
export type ApplyOptions = {
  /** Who owns the fields of the intent from now on. */
  readonly manager: string;
  /** Takes fields over from other managers. */
  readonly force: boolean;
  /** Everything but the writing: rights, admission, validation. */
  readonly dryRun: boolean;
};

/** A Secret of 1 MiB in base64, its annotations and what is kept of its managers. */
const MAX_BYTES = 4 * 1024 * 1024;

/** A cluster's API server: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/ */
export class KubernetesApi {
  readonly #context: PluginContext<KubernetesConfig>;
  readonly #access: Access;

  constructor(context: PluginContext<KubernetesConfig>) {
    this.#context = context;
    this.#access = new Access(context);
  }

  /** The deadline runs from now on. */
  begin(): Operation {
    const deadline = deadlineIn(this.#context.config.timeout, this.#context, 'the Kubernetes API');
    return new Operation(this.#access, deadline);
  }

  close(): Promise<void> {
    return this.#access.close();
  }
}

/** The two requests that we make, under one deadline and with one login, which is read when it begins. */
export class Operation {
  readonly #access: Access;
  readonly #deadline: Deadline;
  #way: Way | null = null;

  constructor(access: Access, deadline: Deadline) {
    this.#access = access;
    this.#deadline = deadline;
  }

  get(target: KubernetesTarget): Promise<Answer> {
    return this.#send({ method: 'GET', path: pathOf(target), writes: false });
  }

  /** Server-side apply: the server merges `intent` field by field. JSON is YAML. */
  apply(target: KubernetesTarget, intent: object, { manager, force, dryRun }: ApplyOptions): Promise<Answer> {
    const query = `fieldManager=${manager}&force=${force}${dryRun ? '&dryRun=All' : ''}`;
    const path = `${pathOf(target)}?${query}`;
    return this.#send({ method: 'PATCH', path, body: intent, writes: !dryRun });
  }

  /** Where the login is refused, once more with what stands in its files now, if that is something else. */
  async #send(request: Request): Promise<Answer> {
    this.#way ??= await this.#access.current();
    const way = this.#way;
    const answer = await exchangeBy(way, request, this.#deadline);
    if (answer.status !== 401) return answer;
    const fresh = await this.#access.current();
    if (fresh.net === way.net && sameToken(fresh, way)) throw loginRefused();
    this.#way = fresh;
    const second = await exchangeBy(fresh, request, this.#deadline);
    if (second.status === 401) throw loginRefused();
    return second;
  }
}

function exchangeBy({ server, token, net }: Way, request: Request, deadline: Deadline): Promise<Answer> {
  const { method, path, body, writes } = request;
  return exchange(
    net,
    {
      method,
      url: `${server}${path}`,
      headers: {
        Accept: 'application/json',
        ...(token === null ? {} : { Authorization: `Bearer ${token.reveal()}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/apply-patch+yaml' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      deadlineMs: deadline(),
      maxBytes: MAX_BYTES,
    },
    { who: 'the Kubernetes API', writes },
  );
}

function pathOf({ namespace, secret }: KubernetesTarget): string {
  return `/api/v1/namespaces/${namespace}/secrets/${secret}`;
}

function sameToken(a: Way, b: Way): boolean {
  return a.token === b.token || (a.token !== null && b.token !== null && a.token.equals(b.token));
}
