import { authFailureSpike } from './auth-failure-spike/auth-failure-spike.ts';
import type { DetectorKind } from './contract.ts';
import type { DetectorFactory } from './detector.ts';
import { dormantKey } from './dormant-key.ts';
import { failuresThenSuccess } from './failures-then-success.ts';
import { impossibleTravel } from './impossible-travel.ts';
import { logSilence } from './log-silence.ts';
import { newClient } from './new-client.ts';
import { outsideAllowlist } from './outside-allowlist.ts';
import { plaintextAttempt } from './plaintext-attempt.ts';
import { rateLimitSaturation } from './rate-limit-saturation.ts';
import { retiredKeyUse } from './retired-key-use.ts';
import { unknownKey } from './unknown-key.ts';
import { unregisteredGeolocation } from './unregistered-geolocation.ts';
import { volumeSurge } from './volume-surge.ts';

/** Every detector of the log watch. A new one is a file and a line here. */
export const DETECTORS: Readonly<Record<DetectorKind, DetectorFactory>> = {
  'auth-failure-spike': authFailureSpike,
  'unregistered-geolocation': unregisteredGeolocation,
  'outside-allowlist': outsideAllowlist,
  'impossible-travel': impossibleTravel,
  'new-client': newClient,
  'failures-then-success': failuresThenSuccess,
  'retired-key-use': retiredKeyUse,
  'unknown-key': unknownKey,
  'dormant-key': dormantKey,
  'rate-limit-saturation': rateLimitSaturation,
  'plaintext-attempt': plaintextAttempt,
  'volume-surge': volumeSurge,
  'log-silence': logSilence,
};
