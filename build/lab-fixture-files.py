"""Makes the small files of a lab disk in a folder, from a seed: texts, tables, logs, JSON, source, noise. Usage: FOLDER SEED COUNT [flat]"""
import json
import os
import random
import sys

WORDS = ("amber anchor basin candle cedar copper delta ember fable garden harbor island juniper kettle lantern meadow nectar "
         "orchard pebble quarry river saddle timber umbrella valley willow yonder zephyr").split()


def text(r, size):
    out = []
    while sum(map(len, out)) < size:
        out.append(" ".join(r.choice(WORDS) for _ in range(r.randint(6, 14))).capitalize() + ".\n")
    return "".join(out).encode()


def table(r, size):
    rows = ["id;name;amount\n"] + [f"{i};{r.choice(WORDS)};{r.randint(0, 99999)}\n" for i in range(size // 18)]
    return "".join(rows).encode()


def log(r, size):
    lines = [f"2025-01-{1 + i % 28:02}T{i % 24:02}:{i % 60:02}:00Z {r.choice(['info', 'warn'])} {r.choice(WORDS)} took {r.randint(1, 900)} ms\n"
             for i in range(size // 48)]
    return "".join(lines).encode()


def document(r, size):
    return json.dumps([{"key": r.choice(WORDS), "value": r.random()} for _ in range(size // 44)], indent=1).encode()


def source(r, size):
    return "".join(f"int {r.choice(WORDS)}_{i}(int x) {{ return x * {r.randint(2, 99)}; }}\n" for i in range(size // 44)).encode()


def noise(r, size):
    return r.randbytes(min(size, 6000))


KINDS = [("txt", text), ("csv", table), ("log", log), ("json", document), ("c", source), ("bin", noise)]


def main():
    folder, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    flat = len(sys.argv) > 4
    r = random.Random(seed)
    for i in range(count):
        ending, make = KINDS[i % len(KINDS)]
        place = folder if flat else os.path.join(folder, r.choice(WORDS))
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, f"{r.choice(WORDS)}-{i:03}.{ending}"), "wb") as f:
            f.write(make(r, r.randint(200, 14000)))


main()
