# SPDX-License-Identifier: Apache-2.0
"""Lists tars by the reader of Python: each as a length in eight digits and the tar, on standard input; a line of JSON for each."""
import io, json, sys, tarfile

def look(member):
    return [member.name, member.type.decode('latin-1'), member.mode & 0o7777, member.uid, member.gid, int(member.mtime), member.linkname, member.size if member.isreg() else 0]

data = sys.stdin.buffer.read()
at = 0
while at < len(data):
    length = int(data[at:at + 8])
    tar = io.BytesIO(data[at + 8:at + 8 + length])
    at += 8 + length
    try:
        with tarfile.open(fileobj=tar, mode='r:', encoding='latin-1', errors='strict') as archive:
            print(json.dumps([look(member) for member in archive]))
    except Exception as error:
        print(json.dumps(str(error)))
