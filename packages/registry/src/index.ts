// SPDX-License-Identifier: Apache-2.0
export { discard, headerOf } from './answer.ts';
export { readBody } from './body.ts';
export { parseChallenges, type Challenge } from './challenge.ts';
export { makeRegistryClient, type ReceivedManifest, type RegistryClient, type RegistryOptions } from './client.ts';
export { findCredentials, type CredentialHelper, type Credentials, type CredentialSources } from './credentials.ts';
export { type BlobRequest } from './download.ts';
export { TransientFailure } from './errors.ts';
export { LOOKASIDE_MAX, readLookaside, type LookasideOptions } from './lookaside.ts';
export { type FoundReferrers, type ReferrersRequest } from './referrers.ts';
export { makeRedactor, printUrl, type Redactor } from './redact.ts';
export { pauseAfter, parseRetryAfter, withRetries } from './retry.ts';
export { TIMEOUTS, type HttpResponse, type Timeouts } from './transport.ts';
export { makeWeb, webFailure, type Web, type WebOptions, type WebRequest } from './web.ts';
