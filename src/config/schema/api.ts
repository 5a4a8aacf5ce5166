import { z } from 'zod';
import { fileMode, name, SECRET_EXPECTED, secret, url } from '../../model/fields.ts';
import { parseAddress } from '../places.ts';

const LISTEN_EXPECTED = 'expected HOST:PORT or unix:PATH, such as 127.0.0.1:7300';

const listen = z.string({ error: LISTEN_EXPECTED }).transform((text, context) => {
  const address = parseAddress(text);
  if (address !== null) return address;
  context.addIssue({ code: 'custom', message: LISTEN_EXPECTED });
  return z.NEVER;
});

const token = z.strictObject({
  role: z.enum(['admin', 'operator', 'app', 'reader']),
  /** Two while one replaces the other. */
  secret: z.union([secret, z.array(secret).min(1).max(2)], { error: SECRET_EXPECTED }),
  credentials: z.array(name).optional(),
  oauthClients: z.array(name).optional(),
});

export const api = z.strictObject({
  listen: listen.optional(),
  /** Of the socket, with `listen: unix:PATH` only. */
  mode: fileMode.optional(),
  gid: z.int().min(0).optional(),
  tls: z.strictObject({ certFile: z.string().min(1), keyFile: z.string().min(1) }).optional(),
  behindTlsProxy: z.boolean().default(false),
  publicUrl: url.optional(),
  probes: z.strictObject({ listen }).optional(),
  tokens: z.record(name, token).optional(),
});
