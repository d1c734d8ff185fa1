// SPDX-License-Identifier: Apache-2.0
export { parseChallenges, type Challenge } from './challenge.ts';
export { makeRegistryClient, type ReceivedManifest, type RegistryClient, type RegistryOptions } from './client.ts';
export { findCredentials, type CredentialHelper, type Credentials, type CredentialSources } from './credentials.ts';
export { type BlobRequest } from './download.ts';
export { LOOKASIDE_MAX, readLookaside, type LookasideOptions } from './lookaside.ts';
export { type FoundReferrers, type ReferrersRequest } from './referrers.ts';
export { makeRedactor, type Redactor } from './redact.ts';
export { TIMEOUTS, type Timeouts } from './transport.ts';
