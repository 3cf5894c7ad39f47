"""A tour of Python's library. Usage: tour.py DIRECTORY; leaves report.json there."""
import concurrent.futures
import hashlib
import json
import multiprocessing
import os
import sqlite3
import ssl
import subprocess
import sys
import threading
import zlib


def square(number):
    return number * number


def database():
    connection = sqlite3.connect(os.path.join(sys.argv[1], "python.db"))
    with connection:
        connection.execute("create table numbers(n integer primary key, text)")
        connection.executemany("insert into numbers values (?, ?)", ((n, str(n)) for n in range(1000)))
    return connection.execute("select count(*), sum(n), max(text) from numbers").fetchone()


def threads():
    seen, lock = [], threading.Lock()

    def work(number):
        digest = hashlib.sha256(str(number).encode() * 1000).hexdigest()
        with lock:
            seen.append(digest)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return zlib.crc32("".join(sorted(seen)).encode())


def processes():
    with multiprocessing.Pool(3) as pool:
        pooled = sum(pool.map(square, range(100)))
    with concurrent.futures.ProcessPoolExecutor(2) as executor:
        executed = sum(executor.map(square, range(10)))
    queue = multiprocessing.Queue()
    child = multiprocessing.Process(target=queue.put, args=("from a child",))
    child.start()
    text = queue.get()
    child.join()
    return pooled, executed, text, child.exitcode


def programs():
    listed = subprocess.run(["/usr/bin/sort", "-rn"], input="1\n3\n2\n", capture_output=True, text=True, check=True)
    failed = subprocess.run(["/usr/bin/sort", "/nonexistent"], capture_output=True)
    return listed.stdout.split(), failed.returncode


def tls():
    context = ssl.create_default_context(cadata=None)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        return ssl.OPENSSL_VERSION, outgoing.pending > 100


if __name__ == "__main__":
    report = {step.__name__: step() for step in (database, threads, processes, programs, tls)}
    text = json.dumps(report, indent=1)
    print(text)
    with open(os.path.join(sys.argv[1], "report.json"), "w") as file:
        file.write(text)
