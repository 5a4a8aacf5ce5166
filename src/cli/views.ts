import type { authorizationView, grantView, tokenView } from '../api/oauth/views.ts';
import type {
  alertView,
  credentialView,
  deliveryView,
  incidentView,
  rotationView,
  silenceView,
  versionView,
} from '../api/views.ts';

/** Answers of the API as the command line reads them. */
export type CredentialView = ReturnType<typeof credentialView>;
export type RotationView = ReturnType<typeof rotationView>;
export type AlertView = ReturnType<typeof alertView>;
export type DeliveryView = ReturnType<typeof deliveryView>;
export type IncidentView = ReturnType<typeof incidentView>;
export type SilenceView = ReturnType<typeof silenceView>;
export type GrantView = ReturnType<typeof grantView>;
export type AuthorizationView = ReturnType<typeof authorizationView>;
export type TokenView = ReturnType<typeof tokenView>;
/** The answer to what was said of one version. */
export type TakenView = { readonly name: string; readonly version: ReturnType<typeof versionView> };
