import { expect, test } from 'vitest';
import type { ApiConfig, Listen } from '../../config/types.ts';
import { leadsHere } from './here.ts';

const tcp = (host: string, port: number): Listen => ({ kind: 'tcp', host, port });
const SOCKET: Listen = { kind: 'unix', path: '/run/kw.sock', mode: 0o600, gid: null };
const api = (listen: Listen, publicUrl: string | null = null): Pick<ApiConfig, 'listen' | 'publicUrl'> => ({
  listen,
  publicUrl,
});

const LOCAL = api(tcp('127.0.0.1', 7300));
const PUBLIC = api(tcp('0.0.0.0', 7300), 'https://kw.example.com/keys');

test.each([
  ['http://127.0.0.1:7300/oauth/callback', LOCAL],
  ['http://localhost:7300/oauth/callback', LOCAL],
  ['http://[::1]:7300/oauth/callback', api(tcp('::1', 7300))],
  ['https://localhost/oauth/callback', api(tcp('0.0.0.0', 443))],
  ['https://10.0.0.5:7300/oauth/callback', api(tcp('10.0.0.5', 7300))],
  ['http://127.0.0.1:4711/oauth/callback', api(tcp('127.0.0.1', 0))],
  ['http://127.0.0.1:7300/oauth/callback', api(SOCKET)],
  ['https://kw.example.com/keys/oauth/callback', PUBLIC],
  ['http://localhost:7300/oauth/callback', PUBLIC],
])('%s leads here', (redirectUri, where) => {
  expect(leadsHere(redirectUri, where)).toBe(true);
});

test.each([
  ['http://127.0.0.1:3000/oauth/callback', LOCAL],
  ['http://127.0.0.1:7300/callback', LOCAL],
  ['http://127.0.0.1:7300/oauth/callback?app=1', LOCAL],
  ['https://app.example.com/oauth/callback', LOCAL],
  ['https://app.example.com:7300/oauth/callback', LOCAL],
  ['https://app.example.com/oauth/callback', api(SOCKET)],
  ['https://app.example.com/oauth/callback', PUBLIC],
  ['https://kw.example.com/oauth/callback', PUBLIC],
  ['https://kw.example.com/keys/oauth/callback?x=1', PUBLIC],
  ['http://127.0.0.1:7300/oauth/callback', api(tcp('10.0.0.5', 7300))],
  ['org.example.app:/oauth/callback', LOCAL],
])('%s does not', (redirectUri, where) => {
  expect(leadsHere(redirectUri, where)).toBe(false);
});
