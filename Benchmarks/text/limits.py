"""What the arithmetic of one core allows, for figures to be shown as shares of it.

A core of Zen 5 multiplies and adds 2 x 16 floats a cycle, twice as many bf16 pairs, four times as many bytes; these are
its rates at 3.75 GHz. Weights of four bits are multiplied as bytes. On other processors the shares mean little.
"""

PEAKS = {"f32": (241e9, "241 GF"), "bf16": (480e9, "480 GF"), "int8": (960e9, "960 GOP"), "int4": (960e9, "960 GOP")}


def share_of_peak(operations_per_second, weights, threads):
    return operations_per_second / threads / PEAKS[weights][0]


def step_share(seconds, byte_count, bandwidth, operations, weights, threads):
    """How much of a step's time is what it takes at least, and whether that is for reading or for arithmetic."""
    reading, arithmetic = byte_count / bandwidth, operations / threads / PEAKS[weights][0]
    return max(reading, arithmetic) / seconds, "reading" if reading >= arithmetic else "arithmetic"
