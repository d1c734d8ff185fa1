# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a terminal of its own and talks to it: terminal.py SCRIPT COMMAND [ARG]...

SCRIPT is a list of steps in JSON, done in their order:
["wait", REGEX]        until the output of the terminal matches, from where the last wait ended
["type", TEXT]         types
["size", ROWS, COLS]   changes the size of the window
["move", FROM, TO]     gives a file another name
["end"]                until the command has ended
Prints an object: what the terminal showed, the status, and whether the settings of the terminal are as before.
"""

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time

LIMIT_S = 60


def main():
    steps, command = json.loads(sys.argv[1]), sys.argv[2:]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 33, 101, 0, 0))
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.close(master)
        login(slave)
        os.execvp(command[0], command)
    shown, seen, status = b"", 0, None
    until = time.monotonic() + LIMIT_S

    def read():
        nonlocal shown, status
        if time.monotonic() > until:
            os.kill(pid, 9)
            raise SystemExit(f"waited too long: {shown!r}")
        if select.select([master], [], [], 0.02)[0]:
            shown += os.read(master, 65536)
        elif status is None:
            ended, code = os.waitpid(pid, os.WNOHANG)
            if ended:
                status = os.waitstatus_to_exitcode(code)

    for verb, *words in steps:
        if verb == "wait":
            while not (found := re.compile(words[0].encode()).search(shown, seen)):
                if status is not None:
                    raise SystemExit(f"ended with {status} before {words[0]!r}: {shown!r}")
                read()
            seen = found.end()
        elif verb == "type":
            os.write(master, words[0].encode())
        elif verb == "move":
            os.rename(*words)
        elif verb == "size":
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", *words, 0, 0))
        elif verb == "end":
            while status is None:
                read()
    waiting = struct.unpack("i", fcntl.ioctl(slave, termios.FIONREAD, b"\0" * 4))[0]
    print(json.dumps({
        "shown": shown.decode("utf-8", "replace"),
        "status": status,
        "restored": termios.tcgetattr(slave) == before,
        "typed": waiting,
        "name": os.ttyname(slave),
    }))


def login(slave):
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)


main()
