"""A well-behaved client in a process of its own: calls `identity` at a steady rate and prints how long each call took.

A line is `BEGIN SECONDS CODE`: when the call should have begun on CLOCK_MONOTONIC, how long after that it ended, and
its status. A call that begins late because the one before took long counts from when it should have begun, so that a
stall shows in every call it held up.

A call that takes longer than `TIMEOUT` fails, which no attack may bring about.

Arguments: the target, calls a second, and a folder with ca.pem, client.pem and client.key, or `-` for plaintext.
"""

import pathlib
import sys
import time

import grpc

from frames import infer_body

TIMEOUT = 10
METHOD = "/inference.GRPCInferenceService/ModelInfer"


def connect(target, folder):
    options = [("grpc.use_local_subchannel_pool", 1)]
    if folder == "-":
        return grpc.insecure_channel(target, options)
    path = pathlib.Path(folder)
    credentials = grpc.ssl_channel_credentials((path / "ca.pem").read_bytes(), (path / "client.key").read_bytes(),
                                               (path / "client.pem").read_bytes())
    return grpc.secure_channel(target, credentials, options)


def main(target, rate, folder):
    call = connect(target, folder).unary_unary(METHOD)
    body = infer_body("identity", 64)
    call(body, timeout=30, wait_for_ready=True)
    begin = time.monotonic()
    while True:
        begin += 1 / float(rate)
        time.sleep(max(0, begin - time.monotonic()))
        code = "OK"
        try:
            call(body, timeout=TIMEOUT)
        except grpc.RpcError as error:
            code = error.code().name
        print(f"{begin:.6f} {time.monotonic() - begin:.6f} {code}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
