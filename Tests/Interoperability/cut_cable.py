"""Network namespaces of this process, joined by a cable that delays, loses and cuts: a TUN device at each end, and this
program between them. Everything goes with the process.

    python3 cut_cable.py NEAR_ADDRESS FAR_ADDRESS...

prints `PATH PATH...` once all ends are up: the namespaces, one for each address, for `nsenter --net=PATH`. Then it reads
commands, one a line, and answers each with `ok`:

    delay SECONDS     of every packet, in each direction
    loss SHARE        of all packets, in each direction
    cut ADDRESS       lose every packet from and to this address
    heal              of all cuts

Needs root and /dev/net/tun, and nothing of the kernel's traffic control.
"""

import collections
import ctypes
import fcntl
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKETS_MAX = 10_000
"""Under way to one end; more are lost, as a full queue of a router would."""

libc = ctypes.CDLL(None, use_errno=True)


def make_end(address):
    """Enters a new namespace with one device; gives the namespace's descriptor and the device's."""
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"cable", IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "address", "add", f"{address}/24", "dev", "cable"], check=True)
    for name in ("lo", "cable"):
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
    return os.open("/proc/self/ns/net", os.O_RDONLY), device


class Cable:
    def __init__(self, devices):
        """`devices` are those of the ends, by address."""
        self.devices = {socket.inet_aton(address): device for address, device in devices.items()}
        self.delay, self.loss, self.cuts = 0.0, 0.0, set()
        self.random = random.Random(7)
        # Times only grow, so each end has a queue; after a shorter delay packets still keep their order.
        self.under_way = {device: collections.deque() for device in devices.values()}

    def command(self, line):
        verb, *arguments = line.split()
        match verb, arguments:
            case "delay", [seconds]:
                self.delay = float(seconds)
            case "loss", [share]:
                self.loss = float(share)
            case "cut", [address]:
                self.cuts.add(socket.inet_aton(address))
            case "heal", []:
                self.cuts.clear()
            case _:
                raise ValueError(line)

    def take(self, device):
        """Puts a packet that came out of one end on its way to the one that it is for."""
        packet = os.read(device, 65536)
        if packet[0] >> 4 != 4 or self.random.random() < self.loss:
            return
        target = self.devices.get(packet[16:20])
        if target is None or packet[12:16] in self.cuts or packet[16:20] in self.cuts:
            return
        if len(self.under_way[target]) < PACKETS_MAX:
            self.under_way[target].append((time.monotonic() + self.delay, packet))

    def deliver(self):
        """Hands over what is due; gives the seconds until the next packet is, nil for none."""
        now, next_time = time.monotonic(), None
        for device, packets in self.under_way.items():
            while packets and packets[0][0] <= now:
                try:
                    os.write(device, packets.popleft()[1])
                except OSError:
                    pass  # No room at that end: lost.
            if packets:
                next_time = min(packets[0][0], next_time or packets[0][0])
        return None if next_time is None else max(0.0, next_time - time.monotonic())


def main(*addresses):
    ends = [make_end(address) for address in addresses]
    print(*[f"/proc/{os.getpid()}/fd/{namespace}" for namespace, _ in ends], flush=True)
    devices = [device for _, device in ends]
    cable, commands = Cable(dict(zip(addresses, devices))), b""
    while True:
        ready, _, _ = select.select([0, *devices], [], [], cable.deliver())
        for descriptor in ready:
            if descriptor != 0:
                cable.take(descriptor)
                continue
            chunk = os.read(0, 4096)
            if not chunk:
                return
            *lines, commands = (commands + chunk).split(b"\n")
            for line in lines:
                cable.command(line.decode())
                print("ok", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
