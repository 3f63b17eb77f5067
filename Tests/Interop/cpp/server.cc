// grpc.testing.TestService on the C++ library's blocking API.
#include <csignal>
#include <cstdio>
#include <thread>
#include <unistd.h>
#include <vector>

#include "support.h"

using grpc::ServerContext;

static void echo_metadata(ServerContext *context) {
    for (const auto &entry : context->client_metadata()) {
        std::string key(entry.first.data(), entry.first.size());
        std::string value(entry.second.data(), entry.second.size());
        if (key == "x-grpc-test-echo-initial") context->AddInitialMetadata(key, value);
        if (key == "x-grpc-test-echo-trailing-bin") context->AddTrailingMetadata(key, value);
    }
}

template <typename Request>
static Status wanted_status(const Request &request) {
    if (!request.has_response_status() || request.response_status().code() == 0) return Status::OK;
    auto code = static_cast<grpc::StatusCode>(request.response_status().code());
    return Status(code, request.response_status().message());
}

// Refuses a request that came compressed where it says that it does not, or the other way round.
template <typename Request>
static Status check_compression(ServerContext *context, const Request &request) {
    bool is_as_announced =
        !request.has_expect_compressed() || request.expect_compressed().value() == was_compressed(context->c_call());
    return is_as_announced ? Status::OK : Status(grpc::StatusCode::INVALID_ARGUMENT, "not compressed as announced");
}

class Service final : public grpc::testing::TestService::Service {
    Status EmptyCall(ServerContext *context, const Empty *, Empty *) override {
        echo_metadata(context);
        return Status::OK;
    }

    Status UnaryCall(ServerContext *context, const SimpleRequest *request, SimpleResponse *response) override {
        echo_metadata(context);
        Status compression = check_compression(context, *request);
        if (!compression.ok()) return compression;
        if (request->has_response_compressed()) {
            context->set_compression_algorithm(
                request->response_compressed().value() ? GRPC_COMPRESS_GZIP : GRPC_COMPRESS_NONE);
        }
        Status status = wanted_status(*request);
        if (status.ok()) response->mutable_payload()->set_body(std::string(request->response_size(), '\0'));
        return status;
    }

    Status StreamingInputCall(
        ServerContext *context, grpc::ServerReader<StreamingInputCallRequest> *reader,
        StreamingInputCallResponse *response) override {
        echo_metadata(context);
        StreamingInputCallRequest request;
        int size = 0;
        while (reader->Read(&request)) {
            Status compression = check_compression(context, request);
            if (!compression.ok()) return compression;
            size += static_cast<int>(request.payload().body().size());
        }
        response->set_aggregated_payload_size(size);
        return Status::OK;
    }

    Status StreamingOutputCall(
        ServerContext *context, const StreamingOutputCallRequest *request,
        grpc::ServerWriter<StreamingOutputCallResponse> *writer) override {
        echo_metadata(context);
        for (const auto &parameters : request->response_parameters()) {
            if (parameters.compressed().value()) context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
        }
        return answer(*request, writer);
    }

    Status FullDuplexCall(
        ServerContext *context,
        grpc::ServerReaderWriter<StreamingOutputCallResponse, StreamingOutputCallRequest> *stream) override {
        echo_metadata(context);
        StreamingOutputCallRequest request;
        while (stream->Read(&request)) {
            Status status = answer(request, stream);
            if (!status.ok()) return status;
        }
        return Status::OK;
    }

    template <typename Writer>
    static Status answer(const StreamingOutputCallRequest &request, Writer *writer) {
        Status status = wanted_status(request);
        if (!status.ok()) return status;
        for (const auto &parameters : request.response_parameters()) {
            std::this_thread::sleep_for(std::chrono::microseconds(parameters.interval_us()));
            StreamingOutputCallResponse response;
            response.mutable_payload()->set_body(std::string(parameters.size(), '\0'));
            grpc::WriteOptions options;
            if (parameters.has_compressed() && !parameters.compressed().value()) options.set_no_compression();
            if (!writer->Write(response, options)) return Status::CANCELLED;
        }
        return Status::OK;
    }
};

int serve(const std::map<std::string, std::string> &flags) {
    // Blocked before any thread starts, so that every thread leaves them to this one.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    auto credentials = grpc::InsecureServerCredentials();
    auto secure = flags.find("use_tls");
    if (secure != flags.end() && secure->second == "true") {
        grpc::SslServerCredentialsOptions options;
        options.pem_key_cert_pairs.push_back({read_certificate("server.key"), read_certificate("server.pem")});
        credentials = grpc::SslServerCredentials(options);
    }
    Service service;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:" + (flags.count("port") ? flags.at("port") : "0"), credentials, &port);
    builder.RegisterService(&service);
    auto server = builder.BuildAndStart();
    if (!server) throw std::runtime_error("the server did not start");
    std::printf("listening on 127.0.0.1:%d\n", port);
    std::fflush(stdout);
    int received = 0;
    sigwait(&signals, &received);
    server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    return 0;
}
