// The C++ library of gRPC as a peer of Apus: `cpp-peer server|client --FLAG=VALUE …`, with the official flags.
#include <cstdio>
#include <exception>

#include "support.h"

int main(int argc, char **argv) {
    try {
        std::string side = argc > 1 ? argv[1] : "";
        if (side == "server") return serve(read_flags(argc, argv));
        if (side == "client") return call(read_flags(argc, argv));
        throw std::runtime_error("expected: cpp-peer server|client");
    } catch (const std::exception &error) {
        std::fprintf(stderr, "cpp-peer: %s\n", error.what());
        return 1;
    }
}
