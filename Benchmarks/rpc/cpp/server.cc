// The C++ gRPC server to compare with: asynchronous, one completion queue, one thread, 64 outstanding accepts.
//
//     server [--certs FOLDER]
//
// ModelInfer answers with the tensors it was given, as the model `identity` does. Any other method is a stream that
// echoes messages undecoded. With a folder of certificates it wants one of every client.

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <csignal>
#include <memory>

#include "inference.grpc.pb.h"
#include "options.h"

namespace {

constexpr int kOutstandingAccepts = 64;

using Service = inference::GRPCInferenceService::AsyncService;

// Something that waits for the completion queue.
class Waiter {
public:
    virtual ~Waiter() = default;
    virtual void proceed(bool ok) = 0;
};

// One ModelInfer; makes its successor when it begins.
class Infer final : public Waiter {
public:
    Infer(Service &service, grpc::ServerCompletionQueue &queue)
        : service_(service), queue_(queue), responder_(&context_) {
        service_.RequestModelInfer(&context_, &request_, &responder_, &queue_, &queue_, this);
    }

    void proceed(bool ok) override {
        if (is_answered_ || !ok) {
            delete this;
            return;
        }
        new Infer(service_, queue_);
        is_answered_ = true;
        answer();
        responder_.Finish(response_, grpc::Status::OK, this);
    }

private:
    void answer() {
        response_.set_model_name(request_.model_name());
        response_.set_model_version("1");
        response_.set_id(request_.id());
        for (auto &input : *request_.mutable_inputs()) {
            auto *output = response_.add_outputs();
            output->set_name(input.name());
            output->set_datatype(input.datatype());
            output->mutable_shape()->Swap(input.mutable_shape());
        }
        response_.mutable_raw_output_contents()->Swap(request_.mutable_raw_input_contents());
    }

    Service &service_;
    grpc::ServerCompletionQueue &queue_;
    grpc::ServerContext context_;
    inference::ModelInferRequest request_;
    inference::ModelInferResponse response_;
    grpc::ServerAsyncResponseWriter<inference::ModelInferResponse> responder_;
    bool is_answered_ = false;
};

// One stream that echoes, a message at a time: read, write, read, …, finish.
class Echo final : public Waiter {
public:
    Echo(grpc::AsyncGenericService &service, grpc::ServerCompletionQueue &queue)
        : service_(service), queue_(queue), stream_(&context_) {
        service_.RequestCall(&context_, &stream_, &queue_, &queue_, this);
    }

    void proceed(bool ok) override {
        switch (state_) {
        case State::accepting:
            if (!ok) return void(delete this);
            new Echo(service_, queue_);
            return read();
        case State::reading:
            if (!ok) return finish();
            state_ = State::writing;
            return stream_.Write(message_, this);
        case State::writing:
            return ok ? read() : finish();
        case State::finishing:
            delete this;
        }
    }

private:
    enum class State { accepting, reading, writing, finishing };

    void read() {
        state_ = State::reading;
        stream_.Read(&message_, this);
    }

    void finish() {
        state_ = State::finishing;
        stream_.Finish(grpc::Status::OK, this);
    }

    grpc::AsyncGenericService &service_;
    grpc::ServerCompletionQueue &queue_;
    grpc::GenericServerContext context_;
    grpc::GenericServerAsyncReaderWriter stream_;
    grpc::ByteBuffer message_;
    State state_ = State::accepting;
};

std::shared_ptr<grpc::ServerCredentials> credentials(const Options &options) {
    if (options.text("certs").empty()) return grpc::InsecureServerCredentials();
    grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = options.pem("ca.pem");
    tls.pem_key_cert_pairs.push_back({options.pem("server.key"), options.pem("server.pem")});
    return grpc::SslServerCredentials(tls);
}

}  // namespace

int main(int count, char **words) {
    Options options(count, words);
    Service service;
    grpc::AsyncGenericService others;
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials(options), &port);
    builder.RegisterService(&service);
    builder.RegisterAsyncGenericService(&others);
    auto queue = builder.AddCompletionQueue();
    auto server = builder.BuildAndStart();
    if (!server) return 1;
    std::cout << "127.0.0.1:" << port << std::endl;
    std::signal(SIGTERM, [](int) { std::_Exit(0); });
    for (int accept = 0; accept < kOutstandingAccepts; accept++) {
        new Infer(service, *queue);
        new Echo(others, *queue);
    }
    void *tag;
    bool ok;
    while (queue->Next(&tag, &ok)) static_cast<Waiter *>(tag)->proceed(ok);
}
