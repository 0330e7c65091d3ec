"""The SoupBinTCP client of the `nasdaq-protocols` package against the venue: log-ins, order, answers, heartbeats,
log-out and a log-in that goes on where the last one ended. OUCH is packed by hand; the package has no OUCH 5.0.

Usage: soup_client.py HOST:PORT HEARTBEAT_MS CLIENT_TIMEOUT_MS (the last two as the venue is configured)
Exits 0 if everything is as the protocol says.
"""

import asyncio
import logging
import struct
import sys

from nasdaq_protocols import common, soup

USER, PASSWORD, SYMBOL = "DEMO03", "corelane", "CLN05"
TIMEOUT_S = 5


def enter(urn, side, quantity, price):
    return struct.pack(
        ">cIcI8sQccccc14sH", b"O", urn, side, quantity, SYMBOL.ljust(8).encode(), price,
        b"0", b"Y", b"A", b"N", b"N", b"SOUP".ljust(14), 0,
    )  # fmt: skip


async def log_in(remote, user=USER, password=PASSWORD, **options):
    return await asyncio.wait_for(soup.connect_async(remote, user, password, **options), TIMEOUT_S)


async def refused(remote, expected, **options):
    try:
        await log_in(remote, **options)
    except ConnectionRefusedError as error:
        assert expected in str(error), (expected, error)
        return
    raise AssertionError(f"log-in was accepted, expected {expected}: {options}")


async def answer(session):
    """Type and user reference number of the next sequenced message, and the message."""
    message = await asyncio.wait_for(session.receive_msg(), TIMEOUT_S)
    assert isinstance(message, soup.SequencedData), message
    return message.data[:1], struct.unpack(">I", message.data[9:13])[0], message.data


async def closed(session):
    """Waits until the server has closed the session's connection."""
    try:
        message = await asyncio.wait_for(session.receive_msg(), TIMEOUT_S)
    except common.EndOfQueue:
        return
    raise AssertionError(f"unexpected message {message}")


async def main(host, port, heartbeat_ms, client_timeout_ms):
    remote = (host, port)
    await refused(remote, "NOT_AUTHORIZED", password="wrong")
    await refused(remote, "NOT_AUTHORIZED", user="NOBODY")
    await refused(remote, "SESSION_NOT_AVAILABLE", session_id="YESTERDAY")
    await refused(remote, "SESSION_NOT_AVAILABLE", sequence=1000)

    # The package closes a session when the server is silent for longer than its second interval.
    intervals = dict(
        client_heartbeat_interval=client_timeout_ms / 1000 / 5, server_heartbeat_interval=heartbeat_ms / 1000 * 5
    )
    session = await log_in(remote, **intervals)
    name = session.session_id.session
    assert name, name
    started = await asyncio.wait_for(session.receive_msg(), TIMEOUT_S)
    assert started.data[:1] + started.data[9:] == b"SS", started  # the first message of the day
    session.send_unseq_data(enter(1, b"B", 100, 90_000))
    first = await answer(session)
    assert first[:2] == (b"A", 1), first
    session.send_debug("free text is ignored")
    session.send_unseq_data(enter(2, b"B", 999_999, 90_000))
    second = await answer(session)
    assert second[:2] == (b"J", 2), second
    assert session.sequence == 3, session.sequence  # the package counts what it has received

    # Each side stays for longer than the other's patience: only heartbeats explain it.
    await asyncio.sleep(max(client_timeout_ms, 10 * heartbeat_ms) / 1000 * 1.5)
    assert session.is_active(), "the server sends heartbeats, and hears the client's"
    session.send_unseq_data(enter(3, b"B", 10, 90_000))
    third = await answer(session)
    assert third[:2] == (b"A", 3), third
    session.send_msg(soup.LogoutRequest())
    await closed(session)

    # The orders were cancelled when the client went; a log-in that asks for message 4 gets the rest in order.
    # They may be there before the log-in returns, so the package's count is looked at only when all have come.
    session = await log_in(remote, session_id=name, sequence=4, **intervals)
    assert await answer(session) == third, "the same bytes again"
    cancels = [await answer(session) for _ in range(2)]
    assert sorted(cancel[:2] for cancel in cancels) == [(b"C", 1), (b"C", 3)], cancels
    assert session.sequence == 6, session.sequence
    # A log-in elsewhere takes over, and one at 0 gets only what is new.
    other = await log_in(remote, sequence=0, **intervals)
    await closed(session)
    assert other.sequence == 6, other.sequence
    other.send_unseq_data(enter(4, b"B", 10, 90_000))
    assert (await answer(other))[:2] == (b"A", 4)
    other.logout()
    print("soup_client: every answer is right", flush=True)


if __name__ == "__main__":
    logging.disable()  # the package reports the expected rejects as errors
    host, port = sys.argv[1].rsplit(":", 1)
    asyncio.run(main(host, int(port), int(sys.argv[2]), int(sys.argv[3])))
