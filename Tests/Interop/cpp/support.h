// What the C++ server and client share: the names of the service's messages, flags, certificates.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

#include <grpcpp/grpcpp.h>

#include "grpc/testing/test.grpc.pb.h"

using grpc::Status;
using grpc::testing::Empty;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;

// --name=value and nothing else: these programs are started by tests only.
inline std::map<std::string, std::string> read_flags(int argc, char **argv) {
    std::map<std::string, std::string> flags;
    for (int index = 2; index < argc; index++) {
        std::string word = argv[index];
        size_t equals = word.find('=');
        if (word.rfind("--", 0) != 0 || equals == std::string::npos) throw std::runtime_error("not a flag: " + word);
        flags[word.substr(2, equals - 2)] = word.substr(equals + 1);
    }
    return flags;
}

// A file of the folder of test certificates.
inline std::string read_certificate(const std::string &name) {
    const char *folder = std::getenv("APUS_INTEROP_CERTIFICATES");
    if (folder == nullptr) throw std::runtime_error("APUS_INTEROP_CERTIFICATES is not set");
    std::ifstream file(std::string(folder) + "/" + name);
    if (!file) throw std::runtime_error("cannot read " + name);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

// Whether the message that a call read last came compressed. Not in the library's headers: its own interoperability
// tests declare it as well.
struct grpc_call;
uint32_t grpc_call_test_only_get_message_flags(grpc_call *call);
inline bool was_compressed(grpc_call *call) {
    // The first bit is gone once the library has opened the message; the second stays for tests.
    return (grpc_call_test_only_get_message_flags(call) & 0xC0000000u) != 0;
}

int serve(const std::map<std::string, std::string> &flags);
int call(const std::map<std::string, std::string> &flags);
