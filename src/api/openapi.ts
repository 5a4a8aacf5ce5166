import type { Route } from './router.ts';

/** The OpenAPI 3.1 document of the routes that are served: made from them, so that it cannot tell another story. */
export function openApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Keywarden',
      version: '1',
      description: 'Times are RFC 3339 in UTC. Errors are RFC 9457 problem documents with a stable `type`.',
    },
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Problem: {
          type: 'object',
          required: ['type', 'title', 'status', 'detail'],
          properties: {
            type: { type: 'string' },
            title: { type: 'string' },
            status: { type: 'integer' },
            detail: { type: 'string' },
          },
        },
      },
    },
  };
}

function operation({ path, roles, summary, body, query = {} }: Route): object {
  const parameters = [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...Object.entries(query).map(([name, schema]) => ({ name, in: 'query', schema })),
  ];
  const problem = {
    description: 'A problem',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  return {
    summary,
    ...(roles === null ? {} : { security: [{ token: [] }], 'x-roles': roles }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: { '2XX': { description: 'Done' }, '4XX': problem, '5XX': problem },
  };
}

function requestBody(properties: Readonly<Record<string, object>>): object {
  const schema = { type: 'object', properties, additionalProperties: false };
  return { content: { 'application/json': { schema } } };
}
