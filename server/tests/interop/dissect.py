"""The venue's feed as Wireshark reads it: captured packets, written as a pcap file and dissected by `tshark`."""

import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

HEADER = struct.Struct(">10sQH")
END_OF_SESSION = 0xFFFF
# IPv4 packets without a link layer.
LINKTYPE_RAW = 101
FAULTS = "_ws.malformed || moldudp64.msglen.invalid || moldudp64.count.invalid || moldudp64.end_of_session_extra"


class Capture:
    """Every datagram that comes to a UDP socket, and what was sent from it: (from, to, payload)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.address = self.socket.getsockname()
        self.datagrams = []
        self.running = True
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while self.running:
            try:
                payload, source = self.socket.recvfrom(65536)
            except TimeoutError:
                continue
            self.datagrams.append((source, self.address, payload))

    def ask(self, server, session, sequence, count):
        """Asks a retransmission server for messages; the answer is captured as everything is."""
        request = HEADER.pack(session, sequence, count)
        self.datagrams.append((self.address, server, request))
        self.socket.sendto(request, server)

    def wait_until(self, condition, seconds=10):
        deadline = time.monotonic() + seconds
        while not condition(self.datagrams):
            assert time.monotonic() < deadline, f"not within {seconds} s, {len(self.datagrams)} datagrams came"
            time.sleep(0.01)

    def stop(self):
        self.running = False
        self.thread.join()
        return self.datagrams


def write_pcap(path, datagrams):
    with open(path, "wb") as pcap:
        pcap.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW))
        for number, (source, destination, payload) in enumerate(datagrams):
            udp = struct.pack(">HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
            addresses = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number & 0xFFFF, 0, 64, socket.IPPROTO_UDP, 0)
            packet = ip + addresses + udp
            pcap.write(struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet)


def tshark(path, ports, *arguments):
    decode = [argument for port in ports for argument in ("-d", f"udp.port=={port},moldudp64")]
    done = subprocess.run(["tshark", "-r", path, *decode, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def install():
    if shutil.which("tshark") is None:
        subprocess.run(["apt-get", "update", "-qq"], check=True, stdout=sys.stderr)
        environment = {"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "tshark"]
        subprocess.run(command, check=True, stdout=sys.stderr, env=environment)


def check(folder, datagrams):
    """Every datagram is MoldUDP64 to Wireshark, with the header that is in it, and none has a fault."""
    install()
    ports = sorted({port for source, destination, _ in datagrams for port in (source[1], destination[1])})
    path = f"{folder}/feed.pcap"
    write_pcap(path, datagrams)
    fields = ["moldudp64.session", "moldudp64.sequence", "moldudp64.count", "moldudp64.msglen"]
    rows = tshark(path, ports, "-T", "fields", *(argument for field in fields for argument in ("-e", field)))
    assert len(rows) == len(datagrams), f"{len(rows)} of {len(datagrams)} datagrams were read"
    for row, (_, _, payload) in zip(rows, datagrams):
        session, sequence, count, lengths = row.split("\t")
        expected = HEADER.unpack_from(payload)
        assert (session.strip().encode(), int(sequence), int(count)) == (expected[0].strip(), *expected[1:]), row
        if len(payload) > HEADER.size:
            assert len(lengths.split(",")) == expected[2], f"{expected[2]} messages, read {lengths}"
    faults = tshark(path, ports, "-Y", FAULTS)
    assert not faults, "\n".join(faults)

    # A packet that is cut is seen: the check can fail.
    source, destination, payload = next(datagram for datagram in datagrams if len(datagram[2]) > HEADER.size)
    cut = f"{folder}/cut.pcap"
    write_pcap(cut, [(source, destination, payload[:-5])])
    assert tshark(cut, ports, "-Y", FAULTS), "a cut packet passes for a good one"
    return len(rows)
