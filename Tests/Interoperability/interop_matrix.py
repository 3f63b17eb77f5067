"""Which judge runs which test case of the official list, in which direction: the tests run what this says.

`python Tests/Interoperability/interop_matrix.py` writes it into Tests/Interop/README.md; a test checks that it is there.
"""

import pathlib

README = pathlib.Path(__file__).resolve().parents[1] / "Interop/README.md"
BEGIN, END = "<!-- matrix: written by interop_matrix.py -->\n", "<!-- end of the matrix -->\n"

CASES = ["empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
         "custom_metadata", "status_code_and_message", "special_status_message", "unimplemented_method",
         "unimplemented_service", "cancel_after_begin", "cancel_after_first_response", "timeout_on_sleeping_server",
         "rpc_soak", "channel_soak", "concurrent_large_unary",
         "client_compressed_unary", "client_compressed_streaming",
         "server_compressed_unary", "server_compressed_streaming"]
JUDGES = ["grpcio", "grpcio asyncio", "C++", "grpc-swift-2"]

NOTES = {
    1: "The judge does not tell its program whether a message came compressed: it opens what comes, and the content "
       "is looked at. Ours does not ask such a server to refuse a message (`--compression_probe=false`).",
    2: "The judge compresses all messages of a call or none, so there is no plain message among the compressed.",
    3: "Not run: the judge compresses every response that its client accepts. All other cases against it are "
       "therefore runs of compressed responses.",
}
# (judge, direction, case): the number of the note. What is not here is run as the official description has it.
_HANDICAPS = {
    ("server_compressed_unary", "calls us"): {"grpcio": 1, "grpcio asyncio": 1, "grpc-swift-2": 1},
    ("server_compressed_streaming", "calls us"): {"grpcio": 1, "grpcio asyncio": 1, "grpc-swift-2": 1},
    ("client_compressed_streaming", "calls us"): {"grpcio": 2, "grpcio asyncio": 2, "grpc-swift-2": 2},
    ("client_compressed_unary", "is called"): {"grpcio": 1, "grpcio asyncio": 1, "grpc-swift-2": 1},
    ("client_compressed_streaming", "is called"): {"grpcio": 1, "grpcio asyncio": 1, "grpc-swift-2": 1},
    ("server_compressed_unary", "is called"): {"grpc-swift-2": 3},
    ("server_compressed_streaming", "is called"): {"grpc-swift-2": 3},
}
NOT_RUN = 3
DIRECTIONS = ["calls us", "is called"]


def note(case, direction, judge):
    return _HANDICAPS.get((case, direction), {}).get(judge)


def cases(judge, direction):
    """The cases that are run with a judge."""
    assert judge in JUDGES and direction in DIRECTIONS
    return [case for case in CASES if note(case, direction, judge) != NOT_RUN]


def sees_compression(judge):
    """Whether the judge's server refuses a request that is not compressed as announced."""
    return note("client_compressed_unary", "is called", judge) is None


def render():
    """The matrix in Markdown, with the notes below."""
    def cell(case, direction, judge):
        number = note(case, direction, judge)
        mark = "–" if number == NOT_RUN else "✓"
        return f"{mark} ({number})" if number else mark

    heads = [f"{judge} {direction}" for judge in JUDGES for direction in DIRECTIONS]
    lines = ["| case | " + " | ".join(heads) + " |", "|---|" + ":-:|" * len(heads)]
    for case in CASES:
        cells = [cell(case, direction, judge) for judge in JUDGES for direction in DIRECTIONS]
        lines.append(f"| `{case}` | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *[f"{number}. {text}" for number, text in NOTES.items()]]) + "\n"


def split():
    """The README before, in and after the matrix."""
    before, rest = README.read_text().split(BEGIN)
    matrix, after = rest.split(END)
    return before, matrix, after


if __name__ == "__main__":
    before, _, after = split()
    README.write_text(before + BEGIN + render() + END + after)
