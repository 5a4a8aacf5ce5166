import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './faults.ts';
import { type Call, type Handler, json, objectIn, type Reply } from './http.ts';

const GARBAGE = Buffer.from('\u0000\ufffd{"key": <html>\u0007 not what you hoped for', 'utf8');

export type Out = {
  readonly response: ServerResponse;
  /** Aborted when the sandbox closes: what is under way ends without an answer. */
  readonly closing: AbortSignal;
  /** Aborted when the faults are cleared: delays are over. */
  readonly released: AbortSignal;
};

/** Answers one request: by its handler alone, or as the fault that befalls it will have it. */
export async function answer(fault: Fault | null, call: Call, handle: Handler, out: Out): Promise<void> {
  const { response } = out;
  /** The handler's answer, or an empty one where the fault keeps the request from it. */
  const work = async (processed: boolean): Promise<Reply> => (processed ? await handle(call) : json(200, {}));

  switch (fault?.kind) {
    case undefined:
      return send(response, await handle(call));
    case 'status': {
      if (fault.processed) await handle(call);
      return send(response, injected(fault));
    }
    case 'redirect':
      return send(response, { status: fault.status, headers: { location: fault.to }, body: '' });
    case 'drop-before':
      return cut(response);
    case 'drop-after':
      await handle(call);
      return cut(response);
    case 'delay': {
      if (fault.next !== undefined) {
        await wait(fault.ms, out);
        return answer(fault.next, call, handle, out);
      }
      const over = wait(fault.ms, out);
      const [reply] = await Promise.all([handle({ ...call, pause: () => over }), over]);
      return send(response, reply);
    }
    case 'wrong-key-form':
      return send(response, await handle({ ...call, mintAs: fault.value }));
    case 'altered':
      return send(response, altered(await handle(call), fault));
    case 'garbage':
      return sendGarbage(response, await work(fault.processed));
    case 'truncated':
      return sendHalf(response, await work(fault.processed));
    case 'endless':
      return sendEndlessly(response, await work(fault.processed), Buffer.alloc(65_536, ' '), {});
    case 'endless-gzip':
      return sendEndlessly(response, await work(fault.processed), await packed(), {
        'content-encoding': 'gzip',
      });
  }
}

async function wait(ms: number, { closing, released }: Out): Promise<void> {
  try {
    await sleep(ms, undefined, { signal: AbortSignal.any([closing, released]) });
  } catch (error) {
    if (!released.aborted) throw error;
  }
}

function injected(fault: Extract<Fault, { kind: 'status' }>): Reply {
  const body = fault.body ?? {
    error: { code: 'injected', message: `The sandbox was told to answer ${fault.status}.` },
    request_id: 'req_injected',
  };
  if (typeof body === 'string') return { status: fault.status, headers: { ...fault.headers }, body };
  return json(fault.status, body, fault.headers);
}

function altered(reply: Reply, { set, remove }: Extract<Fault, { kind: 'altered' }>): Reply {
  const body = objectIn(Buffer.from(reply.body, 'utf8'));
  if (body === null) return reply;
  const kept = Object.entries({ ...body, ...set }).filter(([name]) => !remove.includes(name));
  return { ...reply, body: JSON.stringify(Object.fromEntries(kept)) };
}

function send(response: ServerResponse, reply: Reply): void {
  const body = Buffer.from(reply.body, 'utf8');
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(body.length) });
  response.end(body);
}

function cut(response: ServerResponse): void {
  response.socket?.destroy();
}

function sendGarbage(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(GARBAGE.length) });
  response.end(GARBAGE);
}

function sendHalf(response: ServerResponse, reply: Reply): void {
  const body = Buffer.from(reply.body, 'utf8');
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(body.length) });
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => cut(response));
}

/** Writes for as long as the client reads. */
async function sendEndlessly(
  response: ServerResponse,
  reply: Reply,
  chunk: Buffer,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  response.writeHead(reply.status, { ...reply.headers, ...headers });
  while (!response.destroyed) {
    if (!response.write(chunk)) await drained(response);
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

/** One gzip member of 8 MiB of blanks in 8 KB; members may follow each other without end (RFC 1952, section 2.2). */
async function packed(): Promise<Buffer> {
  const { gzipSync } = await import('node:zlib');
  return gzipSync(Buffer.alloc(8 * 1024 * 1024, ' '));
}
