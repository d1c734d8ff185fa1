// SPDX-License-Identifier: Apache-2.0

/** The input is not a profile or a filter that can be worked with; the message says where and why in one line. */
export class ProfileError extends Error {
  override readonly name = 'ProfileError';
}
