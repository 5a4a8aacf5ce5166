import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Empty where the body is no JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
};

/** A request to the daemon's API over its socket; gives whatever it answers. */
export function ask(
  { folder }: { readonly folder: string },
  path: string,
  options: { readonly token?: string | undefined; readonly method?: string; readonly body?: unknown } = {},
): Promise<Answer> {
  const { token, method = 'GET', body } = options;
  const { request } = process.getBuiltinModule('node:http');
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath: join(folder, 'api.sock'), path, method, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('error', reject);
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: objectIn(text),
          }),
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
