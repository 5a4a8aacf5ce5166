import type { Dispatcher } from 'undici';
import type { EdgeError, NetResponse } from '../model/index.ts';
import { Body } from './body.ts';
import { fault, faultOf } from './faults.ts';

/** One request, checked and ready to go. */
export type Call = {
  readonly target: string;
  readonly proxied: boolean;
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  readonly deadlineMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal | null;
};

/**
 * Sends `call` once and takes in the whole answer.
 * The deadline covers all of it, name look-up to last byte; Node's timers run on the monotonic clock.
 *
 * @throws {EdgeError} see {@link faultOf}
 */
export function exchange(dispatcher: Pick<Dispatcher, 'dispatch'>, call: Call): Promise<NetResponse> {
  const handler = new Exchange(call);
  if (handler.over) return handler.answer;
  try {
    dispatcher.dispatch(
      {
        origin: call.url.origin,
        path: `${call.url.pathname}${call.url.search}`,
        method: call.method,
        headers: call.headers,
        body: call.body,
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      handler,
    );
  } catch (error) {
    // The dispatcher for proxies throws what others hand to the handler.
    handler.onResponseError(null, error);
  }
  return handler.answer;
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<NetResponse>;
  readonly #call: Call;
  readonly #resolve: (response: NetResponse) => void;
  readonly #reject: (error: EdgeError) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = () => this.#fail(fault('aborted', this.#exchanged, 'it was called off'));
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #headers: Record<string, string> = {};
  #body: Body | null = null;
  #failure: EdgeError | null = null;
  #settled = false;

  constructor(call: Call) {
    const { promise, resolve, reject } = Promise.withResolvers<NetResponse>();
    this.answer = promise;
    this.#call = call;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => this.#late(), call.deadlineMs);
    call.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (call.signal?.aborted === true) this.#onAbort();
  }

  get over(): boolean {
    return this.#settled;
  }

  /** undici writes the request to its socket right after this: from here on it counts as sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#failure === null) this.#controller = controller;
    else controller.abort(this.#failure);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = flatten(headers);
    const { maxBytes } = this.#call;
    const encoding = this.#headers['content-encoding'] ?? '';
    this.#body = new Body(encoding, maxBytes, {
      done: (body) => this.#succeed(body),
      tooLarge: () => this.#tooLarge(),
      undecodable: () =>
        this.#fail(fault('undecodable', this.#exchanged, 'the answer could not be decompressed')),
      drained: () => controller.resume(),
    });
    if (
      encoding === '' &&
      Number(this.#headers['content-length']) > maxBytes &&
      this.#call.method !== 'HEAD'
    ) {
      this.#tooLarge();
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.write(chunk) === false) controller.pause();
  }

  onResponseEnd(): void {
    this.#body?.end();
  }

  onResponseError(_controller: unknown, error: unknown): void {
    this.#fail(faultOf(error, this.#exchanged));
  }

  get #exchanged() {
    return { target: this.#call.target, proxied: this.#call.proxied, sent: this.#controller !== null };
  }

  #late(): void {
    const seconds = this.#call.deadlineMs / 1_000;
    const what = this.#controller === null ? 'no connection came about' : 'no whole answer came';
    this.#fail(fault('timeout', this.#exchanged, `${what} within ${seconds} s`));
  }

  #tooLarge(): void {
    this.#fail(
      fault(
        'too_large',
        this.#exchanged,
        `the answer is larger than the ${this.#call.maxBytes} bytes allowed`,
      ),
    );
  }

  #succeed(body: Buffer): void {
    if (this.#settle()) this.#resolve({ status: this.#status, headers: this.#headers, body });
  }

  #fail(error: EdgeError): void {
    if (!this.#settle()) return;
    this.#failure = error;
    this.#body?.destroy();
    this.#reject(error);
    this.#controller?.abort(error);
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#call.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat.push([name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]);
  }
  return Object.fromEntries(flat);
}
