"""A real etcd of one server, on loopback ports of its own and in a folder of its own."""

import os
import platform
import shutil
import signal
import subprocess
import time
import urllib.request

from conftest import free_ports

BINARY = shutil.which("etcd")
CONTROL = shutil.which("etcdctl")


class Etcd:
    """Can be stopped and started again, with its data or without."""

    def __init__(self, path, certificates=None, host="127.0.0.1", inside=(), flags=()):
        """`certificates` is a folder of `apus certs`: then only clients with one of its certificates get in.

        `flags` are more of etcd's command line.

        `inside` is a command that runs another one in a place of its own, where `host` is an address."""
        self.path, self.inside = path, inside
        self.port, self.peer_port = free_ports(2)
        self.certificates, self.flags = certificates, flags
        self.identity = []
        self.endpoint = f"{host}:{self.port}"
        self.process = None
        self.log = open(path / "etcd.log", "w+b")

    def start(self):
        scheme = "https" if self.certificates else "http"
        peer = f"http://127.0.0.1:{self.peer_port}"
        command = [*self.inside, BINARY, "--name=one", f"--data-dir={self.path / 'etcd-data'}",
                   f"--listen-client-urls={scheme}://{self.endpoint}",
                   f"--advertise-client-urls={scheme}://{self.endpoint}", f"--listen-peer-urls={peer}",
                   f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=one={peer}",
                   *self.flags]
        if self.certificates:
            command += ["--client-cert-auth", f"--trusted-ca-file={self.certificates / 'ca.pem'}",
                        f"--cert-file={self.certificates / 'server.pem'}",
                        f"--key-file={self.certificates / 'server.key'}"]
        # Version 3.4 wants to be asked to run on other processors than Intel's.
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env={**os.environ, "ETCD_UNSUPPORTED_ARCH": platform.machine()})
        deadline = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < deadline, self.errors()
            time.sleep(0.05)
        return self

    def answers(self):
        """Whether it has elected itself."""
        return self.control("get", "nothing", check=False).returncode == 0

    def control(self, *arguments, check=True):
        certificates = []
        if self.certificates:
            certificates = [f"--cacert={self.certificates / 'ca.pem'}", f"--cert={self.certificates / 'client.pem'}",
                            f"--key={self.certificates / 'client.key'}"]
        return subprocess.run([*self.inside, CONTROL, f"--endpoints={self.endpoint}", "--command-timeout=20s", *certificates,
                               *self.identity, *arguments], capture_output=True, text=True, check=check, env={"ETCDCTL_API": "3"})

    def require_users(self, **passwords):
        """Lets in nobody but root and these users, who may read and write below /apus/shards/ and nowhere else."""
        self.control("user", "add", "root:of-all")
        self.control("role", "add", "shards")
        self.control("role", "grant-permission", "shards", "--prefix=true", "readwrite", "/apus/shards/")
        for name, password in passwords.items():
            self.control("user", "add", f"{name}:{password}")
            self.control("user", "grant-role", name, "shards")
        self.control("user", "add", "nobody:nothing")
        self.control("user", "grant-role", "root", "root")
        self.control("auth", "enable")
        self.identity = ["--user=root:of-all"]

    def answered(self, method, code="OK"):
        """How many calls of a method etcd has ended with a code."""
        with urllib.request.urlopen(f"http://{self.endpoint}/metrics") as page:
            for line in page.read().decode().splitlines():
                if line.startswith("grpc_server_handled_total") and f'grpc_code="{code}"' in line \
                        and f'grpc_method="{method}"' in line:
                    return int(line.split()[-1])
        return 0

    def shards(self):
        """The shards that are registered."""
        keys = self.control("get", "/apus/shards/", "--prefix", "--keys-only").stdout.split()
        return sorted(key.removeprefix("/apus/shards/") for key in keys)

    def stop(self, keeping_data=True):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
        if not keeping_data:
            shutil.rmtree(self.path / "etcd-data")

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode()
