"""A SoupBinTCP and OUCH 5.0 client written from the protocol page, sharing no code with the server.

Usage: venue_client.py HOST:PORT
Exits 0 if every answer of a small trading day is as the protocol says.
"""

import socket
import struct
import sys


class Client:
    def __init__(self, address, user, password, session="", sequence=1):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        self.buffer = b""
        request = user.ljust(6) + password.ljust(10) + session.ljust(10) + str(sequence).rjust(20)
        self.send(b"L", request.encode())

    def send(self, kind, payload=b""):
        self.socket.sendall(struct.pack(">H", 1 + len(payload)) + kind + payload)

    def receive(self):
        """The next packet that is no heartbeat, as (type, payload); (None, b"") at the end of the stream."""
        while True:
            while len(self.buffer) < 2 or len(self.buffer) < 2 + struct.unpack(">H", self.buffer[:2])[0]:
                data = self.socket.recv(65536)
                if not data:
                    return None, b""
                self.buffer += data
            length = struct.unpack(">H", self.buffer[:2])[0]
            packet, self.buffer = self.buffer[2 : 2 + length], self.buffer[2 + length :]
            if packet[:1] != b"H":
                return packet[:1], packet[1:]

    def order(self, kind="O", **fields):
        if kind == "O":
            body = struct.pack(
                ">cIcI8sQccccc14sH",
                b"O", fields["urn"], fields["side"], fields["quantity"], fields["symbol"].ljust(8).encode(),
                fields["price"], fields.get("tif", b"0"), b"Y", b"A", b"N", b"N",
                fields.get("id", "").ljust(14).encode(), 0,
            )  # fmt: skip
        elif kind == "U":
            body = struct.pack(
                ">cIIIQccc14sH",
                b"U", fields["original"], fields["urn"], fields["quantity"], fields["price"],
                b"0", b"Y", b"N", b"".ljust(14), 0,
            )  # fmt: skip
        else:
            body = struct.pack(">cII", b"X", fields["urn"], fields["quantity"])
        self.send(b"U", body)

    def answer(self):
        """The next OUCH message but system events, decoded as far as the checks need it."""
        kind, payload = self.receive()
        while kind == b"S" and payload[:1] == b"S":
            assert len(payload) == 10, len(payload)
            kind, payload = self.receive()
        assert kind == b"S", (kind, payload)
        name = payload[:1].decode()
        if name == "A":
            assert len(payload) == 64, len(payload)
            _, _, urn, side, quantity, symbol, price, tif, display, reference = struct.unpack(
                ">cQIcI8sQccQ", payload[:44])
            return dict(type="A", urn=urn, side=side, quantity=quantity, symbol=symbol.decode().rstrip(), price=price,
                        state=payload[47:48], id=payload[48:62].decode().rstrip(), reference=reference)
        if name == "U":
            _, _, original, urn, side, quantity, symbol, price = struct.unpack(">cQIIcI8sQ", payload[:38])
            return dict(type="U", original=original, urn=urn, side=side, quantity=quantity, price=price,
                        state=payload[51:52])
        if name == "E":
            assert len(payload) == 36, len(payload)
            _, _, urn, quantity, price, liquidity, match = struct.unpack(">cQIIQcQ", payload[:34])
            return dict(type="E", urn=urn, quantity=quantity, price=price, liquidity=liquidity, match=match)
        if name == "C":
            assert len(payload) == 18, len(payload)
            _, _, urn, quantity, reason = struct.unpack(">cQIIc", payload)
            return dict(type="C", urn=urn, quantity=quantity, reason=reason)
        if name == "J":
            assert len(payload) == 29, len(payload)
            _, _, urn, reason, id = struct.unpack(">cQIH14s", payload)
            return dict(type="J", urn=urn, reason=reason)
        raise AssertionError(f"unexpected message {payload!r}")


def expect(actual, **expected):
    wrong = {key: (actual.get(key), value) for key, value in expected.items() if actual.get(key) != value}
    assert not wrong, f"{actual}: {wrong}"


def main(address):
    refused = Client(address, "DEMO01", "wrong")
    assert refused.receive() == (b"J", b"A"), "a wrong password is not authorised"
    assert refused.receive() == (None, b""), "and the connection is closed"

    one = Client(address, "demo01", "CORELANE")  # user and password do not depend on case
    kind, payload = one.receive()
    assert kind == b"A" and len(payload) == 30, (kind, payload)
    session = payload[:10].decode().strip()
    assert int(payload[10:]) == 1, payload
    two = Client(address, "DEMO02", "corelane")
    assert two.receive()[0] == b"A"

    one.order(urn=1, side=b"S", quantity=500, symbol="CLN01", price=1_000_000, id="FIRST")
    expect(one.answer(), type="A", urn=1, side=b"S", quantity=500, symbol="CLN01", price=1_000_000, state=b"L", id="FIRST")
    two.order(urn=1, side=b"B", quantity=100, symbol="CLN01", price=1_000_100)
    expect(two.answer(), type="A", urn=1, quantity=100, state=b"L")
    bought = two.answer()
    expect(bought, type="E", urn=1, quantity=100, price=1_000_000, liquidity=b"R")
    sold = one.answer()
    expect(sold, type="E", urn=1, quantity=100, price=1_000_000, liquidity=b"A", match=bought["match"])
    # 500 entered, 100 executed, replaced by 500: 400 are left.
    one.order("U", original=1, urn=2, quantity=500, price=1_000_200)
    expect(one.answer(), type="U", original=1, urn=2, quantity=400, price=1_000_200, state=b"L")
    two.order(urn=2, side=b"B", quantity=500, symbol="CLN01", price=1_000_200, tif=b"3")
    expect(two.answer(), type="A", urn=2, quantity=500)
    expect(two.answer(), type="E", urn=2, quantity=400, price=1_000_200)
    expect(two.answer(), type="C", urn=2, quantity=100, reason=b"I")
    expect(one.answer(), type="E", urn=2, quantity=400)
    # A number that was used is ignored; an unknown symbol, a wild price and a huge quantity are rejected.
    one.order(urn=2, side=b"B", quantity=1, symbol="CLN01", price=1_000_000)
    one.order(urn=3, side=b"B", quantity=1, symbol="NOSUCH", price=1_000_000)
    expect(one.answer(), type="J", urn=3, reason=0x17)
    one.order(urn=4, side=b"B", quantity=100, symbol="CLN02", price=9_000_000)
    expect(one.answer(), type="J", urn=4, reason=0x26)
    one.order(urn=5, side=b"B", quantity=999_999, symbol="CLN01", price=1_000_000)
    expect(one.answer(), type="J", urn=5, reason=0x31)
    one.order(urn=6, side=b"B", quantity=300, symbol="CLN01", price=999_900)
    expect(one.answer(), type="A", urn=6)
    one.order("X", urn=6, quantity=100)
    expect(one.answer(), type="C", urn=6, quantity=200, reason=b"U")
    one.order("X", urn=6, quantity=0)
    expect(one.answer(), type="C", urn=6, quantity=100, reason=b"U")

    # A client that comes back is sent what it asks for again.
    one.socket.close()
    again = Client(address, "DEMO01", "corelane", session, 4)
    kind, payload = again.receive()
    assert kind == b"A" and int(payload[10:]) == 4, payload
    expect(again.answer(), type="U", original=1, urn=2, quantity=400)
    for expected in ("E", "J", "J", "J", "A", "C", "C"):
        expect(again.answer(), type=expected)
    again.send(b"O")
    assert again.receive() == (None, b""), "a log-out closes the connection"
    two.order(urn=3, side=b"B", quantity=10, symbol="CLN01", price=1_000_000)
    expect(two.answer(), type="A", urn=3)
    print("venue_client: every answer is right", flush=True)
    # The server is stopped by now or soon: the session is told so.
    if len(sys.argv) > 2 and sys.argv[2] == "--until-stopped":
        kind, payload = two.receive()
        while kind == b"S":
            kind, payload = two.receive()
        assert kind == b"Z", (kind, payload)
        assert two.receive() == (None, b"")
        print("venue_client: told of the end of the session", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
