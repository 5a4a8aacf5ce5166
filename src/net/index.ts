export { createNet } from './net.ts';
