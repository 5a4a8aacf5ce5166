export type { Authority, Issued } from '../../sandbox/tls.ts';
export { makeCa } from './authority.ts';
export { testNet } from './net.ts';
export { bodyOf, type Served, serve } from './server.ts';
