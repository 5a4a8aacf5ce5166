export { type CreateNetOptions, createNet } from './net.ts';
