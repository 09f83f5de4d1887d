#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""An asyncio echo server, and many clients of it that are there at once.

    echo1000.py server ADDRESS PORT
    echo1000.py client ADDRESS PORT [CLIENTS [MARKER]]

Every client connects, then all of them send and read back three messages,
then, while all are still connected, the client prints how many of them ss
shows as encrypted: "clients=1000 echoed=1000 encrypted=1000".
"""

import asyncio
import os
import subprocess
import sys

ROUNDS = 3
PATIENCE = 240      # seconds for all of it; emulation is slow


async def serve(address, port):
    async def echo(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(echo, address, port, backlog=4096)
    async with server:
        await server.serve_forever()


async def client(address, port, marker, ready, release):
    reader, writer = await asyncio.open_connection(address, port)
    for i in range(ROUNDS):
        message = marker + os.urandom(500 + 1000 * i)
        writer.write(message)
        await writer.drain()
        if await reader.readexactly(len(message)) != message:
            raise ValueError("wrong echo")
    ready()
    await release.wait()
    writer.write_eof()
    if await reader.read():
        raise ValueError("more than was sent came back")
    writer.close()
    await writer.wait_closed()


def count_encrypted(port):
    out = subprocess.run(["ss", "-Htni", "dport = :%d" % port],
                         stdout=subprocess.PIPE, text=True, check=True)
    return out.stdout.count("tcp-ulp-tcpcrypt")


async def clients(address, port, count, marker):
    release, all_ready = asyncio.Event(), asyncio.Event()
    echoed = 0

    def ready():
        nonlocal echoed
        echoed += 1
        if echoed == count:
            all_ready.set()

    tasks = [asyncio.create_task(client(address, port, marker, ready, release))
             for _ in range(count)]
    # Ends when all wait for the release, or one failed, or none moves on.
    waiter = asyncio.create_task(all_ready.wait())
    pending = set(tasks)
    end = asyncio.get_running_loop().time() + PATIENCE
    while not all_ready.is_set():
        done, pending = await asyncio.wait(
            pending | {waiter}, return_when=asyncio.FIRST_COMPLETED,
            timeout=end - asyncio.get_running_loop().time())
        pending.discard(waiter)
        if not done or any(t is not waiter for t in done):
            break
    waiter.cancel()
    if not all_ready.is_set():
        for task in pending:
            task.cancel()
    print("clients=%d echoed=%d encrypted=%d" % (
        count, echoed, count_encrypted(port)), flush=True)
    release.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for error in [r for r in results if r is not None][:3]:
        print("error: %r" % error)
    return any(r is not None for r in results) or echoed != count


async def main():
    command, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if command == "server":
        await serve(address, port)
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
    marker = sys.argv[5].encode() if len(sys.argv) > 5 else b""
    return await clients(address, port, count, marker)

if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
