import { z } from 'zod';

/*
 * What can be made to go wrong. A fault with `processed` lets the stand-in do its work first, so that the request
 * has had its effect although the answer is of no use.
 */

const bodyFault = { processed: z.boolean().default(true) };

const delay = z.strictObject({
  kind: z.literal('delay'),
  /** Of the machine's clock; clearing the faults ends it sooner. */
  ms: z.int().min(0).max(3_600_000),
  /** What happens then. Absent: the request is in process meanwhile, and its answer comes late. */
  get next() {
    return fault.optional();
  },
});

const fault = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    /** Text as it is, anything else as JSON; default: the error body of the contract. */
    body: z.unknown().optional(),
    headers: z.record(z.string(), z.string()).optional(),
    processed: z.boolean().default(false),
  }),
  /** The connection is cut; nothing was done. */
  z.strictObject({ kind: z.literal('drop-before') }),
  /** The request has its effect, then the connection is cut. */
  z.strictObject({ kind: z.literal('drop-after') }),
  delay,
  /** Bytes that are no JSON, under the true status. */
  z.strictObject({ kind: z.literal('garbage'), ...bodyFault }),
  /** Half of the true answer, then the connection is cut. */
  z.strictObject({ kind: z.literal('truncated'), ...bodyFault }),
  /** A body that never ends. */
  z.strictObject({ kind: z.literal('endless'), ...bodyFault }),
  /** The same, packed a thousandfold. */
  z.strictObject({ kind: z.literal('endless-gzip'), ...bodyFault }),
  /** The true answer, a JSON object, with other fields. What is no such object stays as it is. */
  z.strictObject({
    kind: z.literal('altered'),
    set: z.record(z.string(), z.unknown()).default({}),
    remove: z.array(z.string()).default([]),
  }),
  /** Nothing is done. */
  z.strictObject({
    kind: z.literal('redirect'),
    to: z.string(),
    status: z.union([301, 302, 303, 307, 308].map((status) => z.literal(status))).default(307),
  }),
  /** Rotate mints a key whose value does not have the contract's form. Elsewhere without effect. */
  z.strictObject({ kind: z.literal('wrong-key-form'), value: z.string().default('FF-LIVE_not a key') }),
]);

export const faultRule = z.strictObject({
  service: z.enum(['frameflow', 'stockflow', 'slack', 'pagerduty']),
  /** A prefix of the path. Absent: every path. */
  path: z.string().startsWith('/').optional(),
  method: z.string().toUpperCase().optional(),
  /** How many requests it befalls; 0: all until the faults are cleared. */
  times: z.int().min(0).default(1),
  fault,
});

export type Fault = z.output<typeof fault>;
export type Service = z.output<typeof faultRule>['service'];
/** As a caller writes it: defaults may be left out. */
export type FaultRule = z.input<typeof faultRule>;

type Standing = z.output<typeof faultRule> & { readonly id: string; left: number };

/** The faults that wait for a request, in the order in which they were set; the first that fits befalls it. */
export class FaultBook {
  #rules: Standing[] = [];
  #count = 0;
  #release = new AbortController();

  /** Gives the rule's id. @throws {z.ZodError} where the rule is not well-formed */
  set(input: FaultRule): string {
    const rule = faultRule.parse(input);
    this.#count += 1;
    const id = `fault_${this.#count}`;
    this.#rules.push({ ...rule, id, left: rule.times === 0 ? Number.POSITIVE_INFINITY : rule.times });
    return id;
  }

  /** Also ends the delays that are under way. */
  clear(): void {
    this.#rules = [];
    this.#release.abort();
    this.#release = new AbortController();
  }

  /** Aborted by the next {@link FaultBook.clear}. */
  get released(): AbortSignal {
    return this.#release.signal;
  }

  /** What befalls this request; null: nothing. Counts it. */
  take(service: Service, method: string, path: string): Fault | null {
    const rule = this.#rules.find(
      (candidate) =>
        candidate.service === service &&
        (candidate.method === undefined || candidate.method === method) &&
        path.startsWith(candidate.path ?? '/'),
    );
    if (rule === undefined) return null;
    rule.left -= 1;
    if (rule.left <= 0) this.#rules = this.#rules.filter((other) => other !== rule);
    return rule.fault;
  }

  /** Those still waiting; `left` is null where they never run out. */
  waiting(): Array<{ id: string; service: Service; kind: Fault['kind']; left: number | null }> {
    return this.#rules.map(({ id, service, fault: { kind }, left }) => ({
      id,
      service,
      kind,
      left: Number.isFinite(left) ? left : null,
    }));
  }
}
