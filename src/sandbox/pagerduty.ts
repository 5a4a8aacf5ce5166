import { type Call, type Handler, isObject, json, objectIn, type Reply } from './http.ts';
import { Inbox } from './inbox.ts';
import { fold, type Incident } from './pagerduty-incidents.ts';
import { faultsOfChange, faultsOfEvent } from './pagerduty-rules.ts';
import { token } from './random.ts';

/** One accepted event of POST /v2/enqueue or, with the action `change`, of POST /v2/change/enqueue. */
export type PagerDutyEvent = {
  /** By the sandbox's clock. */
  readonly receivedAt: number;
  readonly action: 'trigger' | 'acknowledge' | 'resolve' | 'change';
  /** Empty for a change. */
  readonly dedupKey: string;
  /** `payload` of the body; null where an acknowledge or resolve came without. */
  readonly payload: Readonly<Record<string, unknown>> | null;
  readonly body: Readonly<Record<string, unknown>>;
};

/** PagerDuty's Events API v2 for one integration. */
export class PagerDuty {
  readonly routingKey = token(32).toLowerCase();
  readonly inbox = new Inbox<PagerDutyEvent>('PagerDuty event');
  readonly #now: () => number;
  #incidents: readonly Incident[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Oldest first. */
  incidents(): readonly Incident[] {
    return this.#incidents;
  }

  readonly handle: Handler = (call) => {
    const change = call.path === '/v2/change/enqueue';
    if (!change && call.path !== '/v2/enqueue')
      return json(404, { status: 'not found', message: 'Not Found' });
    if (call.method !== 'POST') {
      return json(405, { status: 'error', message: 'Use POST' }, { allow: 'POST' });
    }
    if (call.tooLarge) {
      return json(413, { status: 'error', message: 'Event object is larger than 512 KB' });
    }
    return change ? this.#change(call) : this.#event(call);
  };

  #event(call: Call): Reply {
    const body = objectIn(call.body);
    const faults = body === null ? ['JSON is invalid'] : faultsOfEvent(body, this.routingKey);
    if (body === null || faults.length > 0) return invalid(faults);
    const given = typeof body.dedup_key === 'string' ? body.dedup_key : '';
    const dedupKey = given === '' ? token(32).toLowerCase() : given;
    const event: PagerDutyEvent = {
      receivedAt: this.#now(),
      action: body.event_action as 'trigger' | 'acknowledge' | 'resolve',
      dedupKey,
      payload: isObject(body.payload) ? body.payload : null,
      body,
    };
    this.#incidents = fold(this.#incidents, event);
    this.inbox.add(event);
    return json(202, { status: 'success', message: 'Event processed', dedup_key: dedupKey });
  }

  #change(call: Call): Reply {
    const body = objectIn(call.body);
    const faults = body === null ? ['JSON is invalid'] : faultsOfChange(body, this.routingKey);
    if (body === null || faults.length > 0) return invalid(faults);
    const payload = isObject(body.payload) ? body.payload : null;
    this.inbox.add({ receivedAt: this.#now(), action: 'change', dedupKey: '', payload, body });
    return json(202, { status: 'success', message: 'Change event processed' });
  }
}

function invalid(errors: readonly string[]): Reply {
  return json(400, { status: 'invalid event', message: 'Event object is invalid', errors });
}
