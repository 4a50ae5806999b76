"""data.bin of a lab disk. "mark FILE BYTES" makes it: every 4 KiB carries a mark and its number. "find RAW BYTES JSON" finds the marks in the
raw disk, whatever the file system, overwrites them with zeros (the clusters stay the file's), and writes the sidecar."""
import json
import struct
import sys

BLOCK = 4096
MARK = b"stillpoint lab data.bin "


def block(i):
    return (MARK + struct.pack("<Q", i)).ljust(BLOCK, b"\xA5")


def main():
    verb, path, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if verb == "mark":
        with open(path, "wb") as f:
            for i in range(size // BLOCK):
                f.write(block(i))
        return
    extents, found = [], 0
    with open(path, "r+b") as f:
        offset = 0
        while data := f.read(BLOCK):
            if data.startswith(MARK) and data == block(struct.unpack_from("<Q", data, len(MARK))[0]):
                f.seek(offset)
                f.write(bytes(BLOCK))
                found += 1
                if extents and extents[-1][0] + extents[-1][1] == offset:
                    extents[-1][1] += BLOCK
                else:
                    extents.append([offset, BLOCK])
            offset += BLOCK
    if found != size // BLOCK:
        sys.exit(f"{path}: {found} of {size // BLOCK} blocks of data.bin found")
    with open(sys.argv[4], "w") as f:
        json.dump({"length": offset, "dataFile": extents}, f, separators=(",", ":"))
    print(f"{path}: data.bin in {len(extents)} extents")


main()
