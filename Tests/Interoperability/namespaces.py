"""Namespaces at the ends of a bad cable, for servers, and ways in from here."""

import ctypes
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading

CLONE_NEWNET = 0x40000000


def obstacle():
    """Why there can be no namespaces here; None where there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "no /dev/net/tun"
    for program in ("ip", "nsenter", "unshare"):
        if not shutil.which(program):
            return f"no program `{program}`"
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0:
        return "no network namespace can be made here"
    return None


class Cable:
    """`near`, and each of `far`, is a command that runs another one at that end."""

    def __init__(self, near_address, *far_addresses):
        script = pathlib.Path(__file__).with_name("cut_cable.py")
        self.process = subprocess.Popen([sys.executable, script, near_address, *far_addresses], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.namespaces = self.process.stdout.readline().split()
        assert len(self.namespaces) == 1 + len(far_addresses), f"the cable is not there: {self.process.wait(10)}"
        self.near, *self.far = [["nsenter", f"--net={path}"] for path in self.namespaces]
        self.relays = []

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n", command

    def relay(self, address, port, end=0):
        """A port on the loopback of this process that leads to an address as it is seen at one end, 0 being near."""
        self.relays.append(Relay(self.namespaces[end], address, port))
        return self.relays[-1].port

    def close(self):
        for relay in self.relays:
            relay.close()
        self.process.stdin.close()
        assert self.process.wait(10) == 0


class Relay:
    """Takes connections here, and makes them in a namespace, or here for None: a socket stays where its thread was when
    it was made."""

    def __init__(self, namespace, address, port):
        self.target = (address, port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self.accept, args=(namespace,), daemon=True).start()

    def accept(self, namespace):
        if namespace:
            descriptor = os.open(namespace, os.O_RDONLY)
            libc = ctypes.CDLL(None, use_errno=True)
            # Of this thread only.
            assert libc.setns(descriptor, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            os.close(descriptor)
        while True:
            try:
                here, _ = self.listener.accept()
            except OSError:
                return
            try:
                there = socket.create_connection(self.target, timeout=10)
            except OSError:
                # Nobody is there now; somebody may be when the next one comes.
                here.close()
                continue
            there.settimeout(None)
            self.sockets += [here, there]
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=self.pump, args=(source, target), daemon=True).start()

    @staticmethod
    def pump(source, target):
        try:
            while chunk := source.recv(65536):
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        """Ends the listener and every connection; threads that wait for them hear so by the shutdown only."""
        for each in [self.listener, *self.sockets]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # It has ended already.
            each.close()
