import { authFailureSpike } from './auth-failure-spike.ts';
import type { DetectorKind } from './contract.ts';
import type { DetectorFactory } from './detector.ts';
import { logSilence } from './log-silence.ts';
import { outsideAllowlist } from './outside-allowlist.ts';
import { retiredKeyUse } from './retired-key-use.ts';
import { unknownKey } from './unknown-key.ts';
import { unregisteredGeolocation } from './unregistered-geolocation.ts';

/** Every detector of the log watch. A new one is a file and a line here. */
export const DETECTORS: Readonly<Record<DetectorKind, DetectorFactory>> = {
  'auth-failure-spike': authFailureSpike,
  'unregistered-geolocation': unregisteredGeolocation,
  'outside-allowlist': outsideAllowlist,
  'retired-key-use': retiredKeyUse,
  'unknown-key': unknownKey,
  'log-silence': logSilence,
};
