#!/usr/bin/env python3
"""Checks this folder against a public key: python3 check.py KEY [FOLDER]. Needs Python 3 and nothing else."""
import base64, hashlib, os, struct, sys

# Ed25519 verification as RFC 8032 describes it.
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)


def recover(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * I % P
    if y >= P or (x * x - x2) % P:
        raise ValueError("not a point")
    return P - x if x & 1 != sign else x


def point(b):
    n = int.from_bytes(b, "little")
    y, sign = n & ((1 << 255) - 1), n >> 255
    x = recover(y, sign)
    return (x, y, 1, x * y % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def mul(s, p):
    r = (0, 1, 1, 0)
    while s:
        if s & 1:
            r = add(r, p)
        p, s = add(p, p), s >> 1
    return r


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover(BASE_Y, 0), BASE_Y, 1, recover(BASE_Y, 0) * BASE_Y % P)


def verified(key, text, signature):
    try:
        a, r = point(key), point(signature[:32])
    except ValueError:
        return False
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % Q
    left, right = mul(s, BASE), add(r, mul(h, a))
    same = all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))
    return s < Q and len(signature) == 64 and same


def fail(text):
    sys.exit("BAD: " + text)


def read(name, mode="rb"):
    try:
        with open(os.path.join(FOLDER, name), mode) as f:
            return f.read()
    except OSError as error:
        fail(f"{name}: {error}")


def vkey(text):
    name, ident, data = text.strip().split("+", 2)
    data = base64.b64decode(data, validate=True)
    if data[0] != 1 or hashlib.sha256(name.encode() + b"\n" + data).digest()[:4].hex() != ident:
        raise ValueError("not a verifier key")
    return name, bytes.fromhex(ident), data[1:]


def opened(note, keys):
    """The text of a note if one of the keys signed it."""
    text, _, lines = note.rpartition(b"\n\n")
    for line in lines.split(b"\n"):
        parts = line.decode().split(" ")
        if len(parts) == 3 and parts[0] == "\u2014":
            signature = base64.b64decode(parts[2])
            for name, ident, key in keys:
                if (name, ident) == (parts[1], signature[:4]) and verified(key, text + b"\n", signature[4:]):
                    return (text + b"\n").decode()
    return None


def rotated(keys):
    """The keys, and those that they name as the next in a signed note."""
    blocks = [b.strip(b"\n") for b in read("keys/rotations.txt").split(b"\n\n") if b.strip(b"\n")]
    notes = [blocks[i] + b"\n\n" + blocks[i + 1] + b"\n" for i in range(0, len(blocks) - 1, 2)]
    for _ in notes:
        for note in notes:
            text = opened(note, keys)
            if text and text.startswith("subledger key rotation\n"):
                key = vkey(text.split("\n")[2])
                if key not in keys and key[0] == text.split("\n")[1] and opened(note, [key]):
                    keys = keys + [key]
    return keys


def leaf(data):
    return hashlib.sha256(b"\0" + data).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def records(name):
    with open(os.path.join(FOLDER, name), "rb") as f:
        while head := f.read(2):
            length = struct.unpack(">H", head)[0] if len(head) == 2 else fail(f"{name} is cut off")
            data = f.read(length)
            yield data if len(data) == length else fail(f"{name} is cut off")


def push(roots, size, hash):
    while size & 1:
        hash, size = node(roots.pop(), hash), size >> 1
    roots.append(hash)


def root_of(roots):
    if not roots:
        return hashlib.sha256(b"").digest()
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = node(left, root)
    return root


def included(hash, index, size, path):
    """The root that an inclusion proof leads to, as RFC 9162 section 2.1.3.2 has it."""
    last = size - 1
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            hash = node(sibling, hash)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            hash = node(hash, sibling)
        index, last = index >> 1, last >> 1
    return hash if last == 0 else None


def check(part, keys):
    text = opened(read(f"checkpoint/{part}.checkpoint"), keys)
    if text is None:
        fail(f"checkpoint/{part}.checkpoint is not signed by your key")
    origin, size, root = text.split("\n")[:3]
    size, root = int(size), base64.b64decode(root)
    if origin != f"{keys[0][0]}/{part.replace('-', '/')}":
        fail(f"checkpoint/{part}.checkpoint is of {origin}")
    count = 0
    if os.path.exists(os.path.join(FOLDER, f"proofs/{part}.proofs")):
        blocks = read(f"proofs/{part}.proofs", "r").split("\n\n")
        for data in records(f"records/{part}.records"):
            lines = blocks[count].strip("\n").split("\n")
            index, path = int(lines[0].removeprefix("index ")), [base64.b64decode(line) for line in lines[1:]]
            if index >= size or included(leaf(data), index, size, path) != root:
                fail(f"record {count} of records/{part}.records is not number {index} of the signed tree")
            count += 1
        return f"{part}: {count} records are in the signed tree of {size}"
    roots = []
    for data in records(f"records/{part}.records"):
        push(roots, count, leaf(data))
        count += 1
    if count != size or root_of(roots) != root:
        fail(f"records/{part}.records has {count} records that do not lead to the signed root over {size}")
    return f"{part}: {count} records lead to the signed root"


FOLDER = sys.argv[2] if len(sys.argv) > 2 else os.path.dirname(os.path.abspath(__file__))
if len(sys.argv) < 2:
    sys.exit(__doc__)
try:
    trusted = rotated([vkey(sys.argv[1])])
    parts = sorted(name.removesuffix(".checkpoint") for name in os.listdir(os.path.join(FOLDER, "checkpoint")))
    for part in parts:
        print(check(part, trusted))
    print("good" if parts else fail("there is nothing here"))
except (ValueError, IndexError, OSError) as error:
    fail(f"cannot be read: {error}")
