import type { alertView, credentialView, deliveryView, rotationView } from '../api/views.ts';

/** Answers of the API as the command line reads them. */
export type CredentialView = ReturnType<typeof credentialView>;
export type RotationView = ReturnType<typeof rotationView>;
export type AlertView = ReturnType<typeof alertView>;
export type DeliveryView = ReturnType<typeof deliveryView>;
