"""python3-autobahn against the echoes of live_test.go, with text in pieces of a byte."""
import asyncio
import sys

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateResponse, PerMessageDeflateResponseAccept

host, port = sys.argv[1].rsplit(":", 1)
text = "Grüße an alle κόσμε 😀" * 20


class Client(WebSocketClientProtocol):
    def onOpen(self):
        self.step = 0
        self.sendMessage(text.encode())

    def onMessage(self, payload, binary):
        assert payload == text.encode() and not binary, (self.step, payload)
        self.step += 1
        if self.step == 1:
            self.sendMessage(payload, fragmentSize=1)
        elif self.step == 2:
            self.sendPing(b"hello")
        else:
            self.sendClose(1000, "bye")

    def onPong(self, payload):
        assert payload == b"hello"
        self.sendMessage(text.encode(), fragmentSize=7)

    def onClose(self, clean, code, reason):
        self.factory.done.set_result((clean, code, getattr(self, "step", 0)))


async def run(path, deflate):
    loop = asyncio.get_running_loop()
    factory = WebSocketClientFactory(f"ws://{host}:{port}/{path}")
    factory.protocol = Client
    factory.done = loop.create_future()
    if deflate:
        def accept(response):
            if isinstance(response, PerMessageDeflateResponse):
                return PerMessageDeflateResponseAccept(response)
        factory.setProtocolOptions(perMessageCompressionOffers=[PerMessageDeflateOffer()],
                                   perMessageCompressionAccept=accept)
    await loop.create_connection(factory, host, int(port))
    result = await asyncio.wait_for(factory.done, 20)
    assert result == (True, 1000, 3), (path, deflate, result)


async def main():
    for path in ("plain", "anew", "kept", "small"):
        for deflate in (False, True):
            await run(path, deflate)
    print("all is well")


asyncio.run(main())
