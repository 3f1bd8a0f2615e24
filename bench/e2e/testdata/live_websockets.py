"""python3-websockets against the echoes of live_test.go."""
import asyncio
import os
import sys

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Deflate

addr = sys.argv[1]


async def echoes(path, **options):
    async with websockets.connect(f"ws://{addr}/{path}", subprotocols=["echo"], max_size=None, **options) as ws:
        assert ws.subprotocol == "echo"
        for n in (0, 1, 125, 126, 65535, 65536, 300000):
            for message in ("ü" * n, b"\x00\xff" * n, os.urandom(n)):
                await ws.send(message)
                assert await ws.recv() == message, (path, n)
            await ws.send(["fragment ", "of ", "é" * n])
            assert await ws.recv() == "fragment of " + "é" * n
        await (await ws.ping("hello"))
        await ws.send("close me")
        try:
            await ws.recv()
        except websockets.ConnectionClosedError as e:
            assert (e.code, e.reason) == (4001, "as you say"), e
        else:
            raise AssertionError("not closed")


async def main():
    for path in ("plain", "anew", "kept", "small"):
        await echoes(path, compression=None)
        await echoes(path)
        await echoes(path, extensions=[Deflate(True, True, 9, 9)])
        await echoes(path, extensions=[Deflate(False, False, 12, 12)])
    async with websockets.connect(f"ws://{addr}/plain") as ws:
        await ws.close(3000, "bye")
        assert ws.close_code == 3000
    print("all is well")


asyncio.run(main())
