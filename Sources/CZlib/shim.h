// zlib 1.2 as Swift sees it: the header, plus one inline function for each macro that Swift cannot import.
#pragma once

#include <zlib.h>

static inline int apus_inflateInit2(z_stream *stream, int windowBits) {
    return inflateInit2(stream, windowBits);
}

static inline int apus_deflateInit2(z_stream *stream, int level, int windowBits, int memLevel) {
    return deflateInit2(stream, level, Z_DEFLATED, windowBits, memLevel, Z_DEFAULT_STRATEGY);
}
