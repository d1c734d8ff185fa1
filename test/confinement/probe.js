// SPDX-License-Identifier: Apache-2.0
// Stands in for an executable's own code: tries what it was not given, and prints `NAME CODE` for each attempt.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');

// One of the variables that are passed on tells what to try it on.
const [victim, port, canary] = process.env.TERM.split(' ');
const print = (name, code) => process.stdout.write(`${name} ${code}\n`);
const attempt = (name, action) => {
  try {
    action();
    print(name, 0);
  } catch (error) {
    print(name, error.code);
  }
};

const status = fs.readFileSync('/proc/self/status', 'utf8');
for (const [, field, value] of status.matchAll(/^(CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp|Uid):\s+(\S+)/gm))
  print(field, value);
print('environment', Object.keys(process.env).sort().join(','));
attempt('read-canary', () => fs.readFileSync(`${canary}/file`));
attempt('list-canary', () => fs.readdirSync(canary));
attempt('write-canary', () => fs.writeFileSync(`${canary}/written`, ''));
attempt('truncate-canary', () => fs.truncateSync(`${canary}/file`));
attempt('link-canary', () => fs.symlinkSync('x', `${canary}/link`));
attempt('read-shadow', () => fs.readFileSync('/etc/shadow'));
attempt('read-other', () => fs.readFileSync(`/proc/${process.ppid}/environ`));
attempt('execute', () => {
  const { error, status: code } = spawnSync('/bin/true');
  if (error) throw error;
  if (code !== 0) throw new Error(String(code));
});
attempt('signal', () => process.kill(Number(victim), 0));
const tryLoopback = (name, make) =>
  new Promise((resolve) => {
    try {
      make((code) => (print(name, code), resolve()));
    } catch (error) {
      print(name, error.code);
      resolve();
    }
  });
const main = async () => {
  await tryLoopback('connect', (done) => {
    const socket = net.connect({ host: '127.0.0.1', port: Number(port) });
    socket.on('connect', () => (socket.destroy(), done(0))).on('error', ({ code }) => done(code));
  });
  await tryLoopback('listen', (done) => {
    const server = net.createServer();
    server.on('error', ({ code }) => done(code)).listen(0, '127.0.0.1', () => server.close(() => done(0)));
  });
  try {
    process.dlopen({ exports: {} }, `${__dirname}/attempts.node`);
  } catch {
    // It is no addon: what it had to do is done when it is loaded.
  }
};
void main();
