// SPDX-License-Identifier: Apache-2.0
// with-registry.ts [--basic|--token] [--tls] [SOURCE=NAME]... -- COMMAND [ARG]...
// Runs the command while a registry holds the named images; skopeo's SOURCE is pushed as NAME.
// The command finds REGISTRY (host and port), REGISTRY_CA, REGISTRY_AUTH_FILE, REGISTRY_USER and REGISTRY_PASSWORD.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { startRegistry } from './registry.ts';

const words = process.argv.slice(2);
const border = words.indexOf('--');
const { values, positionals } = parseArgs({
  args: words.slice(0, border),
  options: { basic: { type: 'boolean' }, token: { type: 'boolean' }, tls: { type: 'boolean' } },
  allowPositionals: true,
});
const [command = 'true', ...args] = words.slice(border + 1);

const auth = values.token ? 'token' : values.basic ? 'basic' : 'none';
await using registry = await startRegistry({ auth, tls: values.tls ?? false });
for (const image of positionals) {
  const equals = image.lastIndexOf('=');
  await registry.push(image.slice(0, equals), image.slice(equals + 1));
}
const child = spawn(command, args, {
  stdio: 'inherit',
  env: {
    ...process.env,
    REGISTRY: registry.host,
    REGISTRY_CA: registry.ca ?? '',
    REGISTRY_AUTH_FILE: registry.authFile,
    REGISTRY_USER: registry.username,
    REGISTRY_PASSWORD: registry.password,
  },
});
// A signal meant for the command must not leave the registry behind.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
const [status] = await once(child, 'exit');
process.exitCode = typeof status === 'number' ? status : 125;
