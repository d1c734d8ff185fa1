# SPDX-License-Identifier: Apache-2.0
"""Prints what lies below each directory that standard input names, as JSON: names and contents as latin-1."""
import json, os, stat, sys

def text(value):
    return value.decode('latin-1')

def look(path, name):
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    node = {
        'path': text(name), 'mode': stat.S_IMODE(status.st_mode), 'uid': status.st_uid, 'gid': status.st_gid,
        'mtime': str(status.st_mtime_ns), 'ctime': str(status.st_ctime_ns), 'inode': str(status.st_ino), 'links': status.st_nlink,
        'type': {stat.S_IFDIR: 'dir', stat.S_IFREG: 'file', stat.S_IFLNK: 'symlink', stat.S_IFIFO: 'fifo'}.get(kind, 'other'),
        'content': '', 'blocks': status.st_blocks,
        'xattrs': {key: os.getxattr(path, key, follow_symlinks=False).hex() for key in os.listxattr(path, follow_symlinks=False)},
    }
    if kind == stat.S_IFREG:
        with open(path, 'rb') as file:
            node['content'] = text(file.read())
    if kind == stat.S_IFLNK:
        node['content'] = text(os.readlink(path))
    return node

def walk(path, name):
    node = look(path, name or b'.')
    yield node
    if node['type'] == 'dir':
        for entry in sorted(os.listdir(path)):
            yield from walk(path + b'/' + entry, name + b'/' + entry if name else entry)

for root in sys.stdin.buffer.read().split(b'\n'):
    if root:
        print(json.dumps(list(walk(root, b''))))
