export { type Issued, makeCa, type TestCa } from './ca.ts';
export { testNet } from './net.ts';
export { bodyOf, type Served, serve } from './server.ts';
