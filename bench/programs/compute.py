"""Computes a while: numbers, lists, dictionaries, strings, objects. Prints lines NAME VALUE.
compute.py TICKS: the library of ticks.c."""
import ctypes
import sys


class Node:
    def __init__(self, value, rest):
        self.value, self.rest = value, rest


def sieve(limit):
    flags = bytearray([1]) * limit
    for i in range(2, int(limit ** 0.5) + 1):
        if flags[i]:
            flags[i * i::i] = bytes(len(range(i * i, limit, i)))
    return sum(flags) - 2


def collatz(limit):
    steps = {1: 0}
    for start in range(2, limit):
        n, count = start, 0
        while n not in steps:
            n, count = (n // 2 if n % 2 == 0 else 3 * n + 1), count + 1
        steps[start] = steps[n] + count
    return max(steps.values())


def text(count):
    words = sorted(f"{i * 7919 % count:06d}" for i in range(count))
    return len(",".join(words).replace("9", "99"))


def chain(count):
    head = None
    for i in range(count):
        head = Node(i & 255, head)
    total = 0
    while head is not None:
        total, head = total + head.value, head.rest
    return total


now = ctypes.PyDLL(sys.argv[1]).ticks
now.restype = ctypes.c_uint64
begin = now()
check = sieve(1_000_000) + collatz(150_000) + text(100_000) + chain(300_000)
total = now() - begin
print("check", check)
print("total", total)
