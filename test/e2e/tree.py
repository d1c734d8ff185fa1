# SPDX-License-Identifier: Apache-2.0
"""Lists a tree of files with all their attributes, and applies image layers with GNU tar.

tree.py list DIRECTORY            prints an object: names in hexadecimal to attributes
tree.py overlay LOWER[:LOWER]...  the same of an overlay of the directories, in a mount namespace of its own
tree.py apply LAYER DIRECTORY     unpacks a layer over the directory: whiteouts by the rules of OCI, the rest by GNU tar
"""

import ctypes
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile

# The options of the plan, without a writable layer.
OVERLAY = "redirect_dir=nofollow,metacopy=off,index=off,xino=off"
CLONE_NEWNS = 0x00020000


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def attributes(path, links):
    info = os.lstat(path)
    kind = stat.S_IFMT(info.st_mode)
    entry = {
        "type": stat.filemode(info.st_mode)[0],
        "mode": f"{stat.S_IMODE(info.st_mode):o}",
        "uid": info.st_uid,
        "gid": info.st_gid,
        "mtime": str(info.st_mtime_ns),
    }
    if kind == stat.S_IFLNK:
        entry["target"] = os.readlink(path).hex()
    if kind == stat.S_IFREG:
        entry["size"] = info.st_size
        entry["sha256"] = digest_of(path)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        entry["device"] = f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"
    if kind != stat.S_IFDIR:
        links.setdefault((info.st_dev, info.st_ino), []).append(entry)
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        entry["xattr " + name] = os.getxattr(path, name, follow_symlinks=False).hex()
    return entry


def list_tree(root):
    tree = {}
    links = {}
    names = {}

    def add(name):
        entry = attributes(os.path.join(root, name) if name else root, links)
        names[id(entry)] = name.hex()
        tree[name.hex()] = entry

    add(b"")
    for directory, directories, files in os.walk(root):
        for file in directories + files:
            add(os.path.relpath(os.path.join(directory, file), root))
    for group in links.values():
        if len(group) > 1:
            together = sorted(names[id(entry)] for entry in group)
            for entry in group:
                entry["links"] = together
    return tree


def overlay(lower):
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    with tempfile.TemporaryDirectory() as place:
        # One layer cannot be an overlay alone: an empty directory lies below.
        below, root = os.path.join(place, "below"), os.path.join(place, "root")
        os.mkdir(below)
        os.mkdir(root)
        options = f"ro,lowerdir={lower}:{below},{OVERLAY}"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", root], check=True)
        try:
            return list_tree(os.fsencode(root))
        finally:
            subprocess.run(["umount", root], check=True)


def remove(path):
    if os.path.islink(path) or not os.path.isdir(path):
        if os.path.lexists(path):
            os.unlink(path)
    else:
        shutil.rmtree(path)


def make_room(member, root):
    """Applies a whiteout, or removes what tar would not replace: a directory by a file."""
    path = os.path.join(root, os.fsencode(member.name))
    parent, name = os.path.split(path)
    if name == b".wh..wh..opq":
        for child in os.listdir(parent) if os.path.isdir(parent) else []:
            remove(os.path.join(parent, child))
    elif name.startswith(b".wh."):
        remove(os.path.join(parent, name[len(b".wh."):]))
    elif not member.isdir() and os.path.isdir(path) and not os.path.islink(path):
        remove(path)


def apply(layer, root):
    with tarfile.open(layer, encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            make_room(member, os.fsencode(root))
    subprocess.run(
        ["tar", "-x", "-f", layer, "-C", root, "-p", "--same-owner", "--numeric-owner", "--xattrs",
         "--xattrs-include=*", "--exclude=.wh.*", "--delay-directory-restore"],
        check=True,
    )


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    if verb == "apply":
        apply(*words)
    else:
        listing = overlay(words[0]) if verb == "overlay" else list_tree(os.fsencode(words[0]))
        json.dump(listing, sys.stdout)
