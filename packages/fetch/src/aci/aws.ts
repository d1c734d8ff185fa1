// SPDX-License-Identifier: Apache-2.0
import aws4 from 'aws4';
import type { AwsCredentials } from '@rkt/formats';

/** The digest of the body of a GET. */
const NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/**
 * The headers of a GET from S3, signed by version 4 of Amazon's signatures at the given time, for the very path and query.
 *
 * Without a region it is that of the host's name, and us-east-1 where the host has none in it.
 */
export function signForAws(url: URL, credentials: AwsCredentials, now: Date): Readonly<Record<string, string>> {
  const { accessKeyID: accessKeyId, secretAccessKey, awsRegion: region } = credentials;
  const date = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const { headers = {} } = aws4.sign(
    {
      service: 's3',
      method: 'GET',
      host: url.host,
      path: `${url.pathname}${url.search}`,
      headers: { 'X-Amz-Date': date, 'X-Amz-Content-Sha256': NOTHING },
      ...(region === undefined ? {} : { region }),
    },
    { accessKeyId, secretAccessKey },
  );
  const own = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'host');
  return Object.fromEntries(own.map(([name, value]) => [name.toLowerCase(), String(value)]));
}
