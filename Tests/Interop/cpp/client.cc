// The official test cases on the C++ library's blocking API. The first that fails ends the program with 1.
#include <cstdio>
#include <functional>
#include <future>
#include <sstream>
#include <utility>
#include <vector>

#include "support.h"

using grpc::ClientContext;
using grpc::StatusCode;

static const std::vector<int> request_sizes = {27182, 8, 1828, 45904};
static const std::vector<int> response_sizes = {31415, 9, 2653, 58979};

static void expect(bool is_true, const std::string &what) {
    if (!is_true) throw std::runtime_error(what);
}

static void expect_status(const Status &status, StatusCode code, const std::string &message = "") {
    expect(
        status.error_code() == code && (message.empty() || status.error_message() == message),
        "status " + std::to_string(status.error_code()) + ": " + status.error_message());
}

static void expect_zeros(const std::string &body, size_t size) {
    expect(body == std::string(size, '\0'), std::to_string(size) + " zeros were expected");
}

class Context : public ClientContext {
  public:
    Context() { set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60)); }
};

class Cases {
  public:
    // Each case has a channel of its own, as with the official clients.
    explicit Cases(std::function<std::shared_ptr<grpc::Channel>()> connect) : connect(std::move(connect)) { renew(); }

    void renew() {
        auto channel = connect();
        stub = grpc::testing::TestService::NewStub(channel);
        unimplemented = grpc::testing::UnimplementedService::NewStub(channel);
    }

    std::vector<std::pair<std::string, std::function<void()>>> all() {
        return {
            {"empty_unary", [this] { empty_unary(); }},
            {"large_unary", [this] { large_unary(); }},
            {"client_streaming", [this] { client_streaming(); }},
            {"server_streaming", [this] { server_streaming(); }},
            {"ping_pong", [this] { ping_pong(); }},
            {"empty_stream", [this] { empty_stream(); }},
            {"custom_metadata", [this] { custom_metadata(); }},
            {"status_code_and_message", [this] { status_code_and_message(); }},
            {"special_status_message", [this] { special_status_message(); }},
            {"unimplemented_method", [this] { unimplemented_method(); }},
            {"unimplemented_service", [this] { unimplemented_service(); }},
            {"cancel_after_begin", [this] { cancel_after_begin(); }},
            {"cancel_after_first_response", [this] { cancel_after_first_response(); }},
            {"timeout_on_sleeping_server", [this] { timeout_on_sleeping_server(); }},
            {"rpc_soak", [this] { rpc_soak(); }},
            {"channel_soak", [this] { channel_soak(); }},
            {"concurrent_large_unary", [this] { concurrent_large_unary(); }},
            {"client_compressed_unary", [this] { client_compressed_unary(); }},
            {"server_compressed_unary", [this] { server_compressed_unary(); }},
            {"client_compressed_streaming", [this] { client_compressed_streaming(); }},
            {"server_compressed_streaming", [this] { server_compressed_streaming(); }},
        };
    }

  private:
    std::function<std::shared_ptr<grpc::Channel>()> connect;
    std::unique_ptr<grpc::testing::TestService::Stub> stub;
    std::unique_ptr<grpc::testing::UnimplementedService::Stub> unimplemented;

    static SimpleRequest large() {
        SimpleRequest request;
        request.set_response_size(314159);
        request.mutable_payload()->set_body(std::string(271828, '\0'));
        return request;
    }

    static StreamingOutputCallRequest ask(int response_size, int request_size) {
        StreamingOutputCallRequest request;
        request.add_response_parameters()->set_size(response_size);
        request.mutable_payload()->set_body(std::string(request_size, '\0'));
        return request;
    }

    void empty_unary() {
        Context context;
        Empty response;
        expect_status(stub->EmptyCall(&context, Empty(), &response), StatusCode::OK);
        expect(response.ByteSizeLong() == 0, "Empty is not empty");
    }

    void unary(Context &context, const SimpleRequest &request) {
        SimpleResponse response;
        expect_status(stub->UnaryCall(&context, request, &response), StatusCode::OK);
        expect_zeros(response.payload().body(), 314159);
    }

    void large_unary() {
        Context context;
        unary(context, large());
    }

    void rpc_soak() {
        for (int count = 0; count < 20; count++) large_unary();
    }

    void channel_soak() {
        for (int count = 0; count < 10; count++) {
            renew();
            large_unary();
        }
    }

    // They share one connection and its window.
    void concurrent_large_unary() {
        std::vector<std::future<void>> calls;
        for (int count = 0; count < 50; count++) calls.push_back(std::async(std::launch::async, [this] { large_unary(); }));
        for (auto &call : calls) call.get();
    }

    // The first request is no way to ask for the answer: a server that looks refuses what is not as announced.
    void client_compressed_unary() {
        SimpleRequest request = large();
        request.mutable_expect_compressed()->set_value(true);
        Context probe;
        SimpleResponse response;
        expect_status(stub->UnaryCall(&probe, request, &response), StatusCode::INVALID_ARGUMENT);
        for (auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
            Context context;
            context.set_compression_algorithm(algorithm);
            unary(context, request);
        }
        request.mutable_expect_compressed()->set_value(false);
        Context plain;
        unary(plain, request);
    }

    void server_compressed_unary() {
        for (bool is_compressed : {true, false}) {
            Context context;
            SimpleRequest request = large();
            request.mutable_response_compressed()->set_value(is_compressed);
            unary(context, request);
            expect(was_compressed(context.c_call()) == is_compressed, "the response is not compressed as asked for");
        }
    }

    void client_streaming() {
        Context context;
        StreamingInputCallResponse response;
        auto writer = stub->StreamingInputCall(&context, &response);
        for (int size : request_sizes) {
            StreamingInputCallRequest request;
            request.mutable_payload()->set_body(std::string(size, '\0'));
            expect(writer->Write(request), "the stream broke");
        }
        writer->WritesDone();
        expect_status(writer->Finish(), StatusCode::OK);
        expect(response.aggregated_payload_size() == 74922, "the sum is wrong");
    }

    void client_compressed_streaming() {
        StreamingInputCallRequest request;
        StreamingInputCallResponse response;
        request.mutable_payload()->set_body(std::string(27182, '\0'));
        request.mutable_expect_compressed()->set_value(true);
        Context probe;
        auto refused = stub->StreamingInputCall(&probe, &response);
        refused->Write(request);
        refused->WritesDone();
        expect_status(refused->Finish(), StatusCode::INVALID_ARGUMENT);

        Context context;
        context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
        auto writer = stub->StreamingInputCall(&context, &response);
        expect(writer->Write(request), "the stream broke");
        request.mutable_payload()->set_body(std::string(45904, '\0'));
        request.mutable_expect_compressed()->set_value(false);
        grpc::WriteOptions plain;
        plain.set_no_compression();
        expect(writer->Write(request, plain), "the stream broke");
        writer->WritesDone();
        expect_status(writer->Finish(), StatusCode::OK);
        expect(response.aggregated_payload_size() == 73086, "the sum is wrong");
    }

    void server_streaming(const StreamingOutputCallRequest &request) {
        Context context;
        auto reader = stub->StreamingOutputCall(&context, request);
        StreamingOutputCallResponse response;
        for (const auto &parameters : request.response_parameters()) {
            expect(reader->Read(&response), "the stream ended early");
            expect_zeros(response.payload().body(), parameters.size());
            bool is_as_asked_for =
                !parameters.has_compressed() || parameters.compressed().value() == was_compressed(context.c_call());
            expect(is_as_asked_for, "a response is not compressed as asked for");
        }
        expect(!reader->Read(&response), "a message too many");
        expect_status(reader->Finish(), StatusCode::OK);
    }

    void server_streaming() {
        StreamingOutputCallRequest request;
        for (int size : response_sizes) request.add_response_parameters()->set_size(size);
        server_streaming(request);
    }

    void server_compressed_streaming() {
        StreamingOutputCallRequest request;
        for (int size : {31415, 92653}) {
            auto *parameters = request.add_response_parameters();
            parameters->set_size(size);
            parameters->mutable_compressed()->set_value(size == 31415);
        }
        server_streaming(request);
    }

    void ping_pong() {
        Context context;
        auto stream = stub->FullDuplexCall(&context);
        StreamingOutputCallResponse response;
        for (size_t index = 0; index < request_sizes.size(); index++) {
            expect(stream->Write(ask(response_sizes[index], request_sizes[index])), "the stream broke");
            expect(stream->Read(&response), "the stream ended early");
            expect_zeros(response.payload().body(), response_sizes[index]);
        }
        stream->WritesDone();
        expect(!stream->Read(&response), "a message too many");
        expect_status(stream->Finish(), StatusCode::OK);
    }

    void empty_stream() {
        Context context;
        auto stream = stub->FullDuplexCall(&context);
        stream->WritesDone();
        StreamingOutputCallResponse response;
        expect(!stream->Read(&response), "a message too many");
        expect_status(stream->Finish(), StatusCode::OK);
    }

    static void add_metadata(Context &context) {
        context.AddMetadata("x-grpc-test-echo-initial", "test_initial_metadata_value");
        context.AddMetadata("x-grpc-test-echo-trailing-bin", "\xab\xab\xab");
    }

    static void expect_echo(const Context &context) {
        auto initial = context.GetServerInitialMetadata().find("x-grpc-test-echo-initial");
        auto trailing = context.GetServerTrailingMetadata().find("x-grpc-test-echo-trailing-bin");
        expect(
            initial != context.GetServerInitialMetadata().end() && initial->second == "test_initial_metadata_value",
            "the initial metadata did not come back");
        expect(
            trailing != context.GetServerTrailingMetadata().end() && trailing->second == "\xab\xab\xab",
            "the trailing metadata did not come back");
    }

    void custom_metadata() {
        Context context;
        add_metadata(context);
        unary(context, large());
        expect_echo(context);

        Context second;
        add_metadata(second);
        auto stream = stub->FullDuplexCall(&second);
        stream->Write(ask(314159, 271828));
        stream->WritesDone();
        StreamingOutputCallResponse response;
        expect(stream->Read(&response), "the stream ended early");
        expect_zeros(response.payload().body(), 314159);
        expect(!stream->Read(&response), "a message too many");
        expect_status(stream->Finish(), StatusCode::OK);
        expect_echo(second);
    }

    void expect_unary_status(const std::string &message) {
        Context context;
        SimpleRequest request;
        request.mutable_response_status()->set_code(2);
        request.mutable_response_status()->set_message(message);
        SimpleResponse response;
        expect_status(stub->UnaryCall(&context, request, &response), StatusCode::UNKNOWN, message);
    }

    void status_code_and_message() {
        std::string message = "test status message";
        expect_unary_status(message);
        Context context;
        StreamingOutputCallRequest request;
        request.mutable_response_status()->set_code(2);
        request.mutable_response_status()->set_message(message);
        auto stream = stub->FullDuplexCall(&context);
        stream->Write(request);
        stream->WritesDone();
        StreamingOutputCallResponse response;
        expect(!stream->Read(&response), "a message too many");
        expect_status(stream->Finish(), StatusCode::UNKNOWN, message);
    }

    void special_status_message() {
        expect_unary_status("\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n");
    }

    void unimplemented_method() {
        Context context;
        Empty response;
        expect_status(stub->UnimplementedCall(&context, Empty(), &response), StatusCode::UNIMPLEMENTED);
    }

    void unimplemented_service() {
        Context context;
        Empty response;
        expect_status(unimplemented->UnimplementedCall(&context, Empty(), &response), StatusCode::UNIMPLEMENTED);
    }

    void cancel_after_begin() {
        Context context;
        StreamingInputCallResponse response;
        auto writer = stub->StreamingInputCall(&context, &response);
        context.TryCancel();
        expect_status(writer->Finish(), StatusCode::CANCELLED);
    }

    void cancel_after_first_response() {
        Context context;
        auto stream = stub->FullDuplexCall(&context);
        stream->Write(ask(31415, 27182));
        StreamingOutputCallResponse response;
        expect(stream->Read(&response), "the stream ended early");
        context.TryCancel();
        expect_status(stream->Finish(), StatusCode::CANCELLED);
    }

    void timeout_on_sleeping_server() {
        ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
        auto stream = stub->FullDuplexCall(&context);
        StreamingOutputCallRequest request;
        request.mutable_payload()->set_body(std::string(27182, '\0'));
        stream->Write(request);
        expect_status(stream->Finish(), StatusCode::DEADLINE_EXCEEDED);
    }
};

int call(const std::map<std::string, std::string> &flags) {
    auto credentials = grpc::InsecureChannelCredentials();
    grpc::ChannelArguments arguments;
    if (flags.count("use_tls") && flags.at("use_tls") == "true") {
        grpc::SslCredentialsOptions options;
        options.pem_root_certs = read_certificate("ca.pem");
        credentials = grpc::SslCredentials(options);
        arguments.SetSslTargetNameOverride(flags.at("server_host_override"));
    }
    // Without this the channels of one program share a connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto target = flags.at("server_host") + ":" + flags.at("server_port");
    Cases cases([=] { return grpc::CreateCustomChannel(target, credentials, arguments); });
    auto wanted = "," + flags.at("test_case") + ",";
    for (const auto &test : cases.all()) {
        if (wanted != ",all," && wanted.find("," + test.first + ",") == std::string::npos) continue;
        try {
            cases.renew();
            test.second();
        } catch (const std::exception &error) {
            throw std::runtime_error(test.first + ": " + error.what());
        }
        std::printf("passed: %s\n", test.first.c_str());
    }
    return 0;
}
