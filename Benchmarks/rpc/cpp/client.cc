// A load generator on C++ gRPC: C connections × S calls at a time, a closed loop on one thread.
//
//     client --target HOST:PORT --path /SERVICE/METHOD --body FILE [--mode unary|stream] [--connections 1]
//            [--streams 1] [--seconds 5 | --calls N] [--ahead 4] [--certs FOLDER]
//
// `unary` sends the bytes of the file as the message of each call. `stream` opens the streams once and sends the
// message again and again on each, at most `ahead` of them unanswered. Prints one JSON object: calls (or messages)
// answered, errors, bytes received, seconds, and latencies in microseconds. Every connection is up before the clock
// starts.

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "options.h"

namespace {

using Clock = std::chrono::steady_clock;

// What was asked for, and what came of it.
struct Run {
    grpc::CompletionQueue queue;
    std::string path;
    grpc::ByteBuffer message;
    size_t response_byte_count_min = 0;
    Clock::time_point end;
    uint64_t calls_left = UINT64_MAX;
    uint64_t errors = 0;
    uint64_t received_byte_count = 0;
    std::string error_text;
    std::vector<float> latencies;

    // Whether another call may begin; counts it.
    bool take() {
        if (calls_left == 0 || Clock::now() >= end) return false;
        calls_left--;
        return true;
    }

    void answered(const grpc::ByteBuffer &response, Clock::time_point start) {
        received_byte_count += response.Length();
        latencies.push_back(std::chrono::duration<float, std::micro>(Clock::now() - start).count());
    }

    void failed(const std::string &text) {
        errors++;
        error_text = text;
    }
};

// Something that waits for the completion queue.
class Waiter {
public:
    virtual ~Waiter() = default;
    virtual void proceed(bool ok) = 0;
};

// One caller: calls, waits for the answer, calls again.
class Caller final : public Waiter {
public:
    Caller(Run &run, grpc::GenericStub &stub) : run_(run), stub_(stub) {}

    // Whether a call has begun.
    bool begin() {
        if (!run_.take()) return false;
        context_ = std::make_unique<grpc::ClientContext>();
        start_ = Clock::now();
        call_ = stub_.PrepareUnaryCall(context_.get(), run_.path, run_.message, &run_.queue);
        call_->StartCall();
        call_->Finish(&response_, &status_, this);
        return true;
    }

    void proceed(bool) override {
        if (status_.ok() && response_.Length() >= run_.response_byte_count_min) {
            run_.answered(response_, start_);
        } else {
            run_.failed(status_.ok() ? "an answer too short" : status_.error_message());
        }
        response_.Clear();
        is_done = !begin();
    }

    bool is_done = false;

private:
    Run &run_;
    grpc::GenericStub &stub_;
    std::unique_ptr<grpc::ClientContext> context_;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> call_;
    grpc::ByteBuffer response_;
    grpc::Status status_;
    Clock::time_point start_;
};

// One stream: sends up to `ahead` messages more than have come back, until time is up.
class Stream {
public:
    Stream(Run &run, grpc::GenericStub &stub, size_t ahead) : run_(run), ahead_(ahead) {
        call_ = stub.PrepareCall(&context_, run.path, &run.queue);
        pending_++;
        call_->StartCall(&started_);
    }

    bool is_done() const { return is_finished_; }

private:
    // A waiter that calls a method of the stream.
    struct Step final : Waiter {
        Step(Stream &stream, void (Stream::*method)(bool)) : stream(stream), method(method) {}
        void proceed(bool ok) override {
            stream.pending_--;
            (stream.*method)(ok);
        }
        Stream &stream;
        void (Stream::*method)(bool);
    };

    void didStart(bool ok) {
        if (!ok) return finish();
        read();
        write();
    }

    void read() {
        pending_++;
        call_->Read(&response_, &read_);
    }

    void write() {
        if (is_writing_ || is_half_closed_) return;
        if (unanswered_.size() >= ahead_) return;
        is_writing_ = true;
        pending_++;
        if (run_.take()) {
            unanswered_.push_back(Clock::now());
            call_->Write(run_.message, &written_);
        } else {
            is_half_closed_ = true;
            call_->WritesDone(&written_);
        }
    }

    void didWrite(bool ok) {
        is_writing_ = false;
        if (!ok) is_half_closed_ = true;
        write();
    }

    void didRead(bool ok) {
        if (!ok) return finish();
        run_.answered(response_, unanswered_.front());
        unanswered_.erase(unanswered_.begin());
        read();
        write();
    }

    void finish() {
        is_half_closed_ = true;
        pending_++;
        call_->Finish(&status_, &finished_);
    }

    void didFinish(bool) {
        if (!status_.ok() || !unanswered_.empty()) run_.failed(status_.error_message());
        is_finished_ = true;
    }

    Run &run_;
    size_t ahead_;
    int pending_ = 0;
    bool is_writing_ = false, is_half_closed_ = false, is_finished_ = false;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
    grpc::ByteBuffer response_;
    grpc::Status status_;
    std::vector<Clock::time_point> unanswered_;
    Step started_{*this, &Stream::didStart}, written_{*this, &Stream::didWrite}, read_{*this, &Stream::didRead},
        finished_{*this, &Stream::didFinish};
};

std::shared_ptr<grpc::Channel> connect(const Options &options) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("grpc.use_local_subchannel_pool", 1);
    std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
    if (!options.text("certs").empty()) {
        arguments.SetSslTargetNameOverride("localhost");
        credentials =
            grpc::SslCredentials({options.pem("ca.pem"), options.pem("client.key"), options.pem("client.pem")});
    }
    auto channel = grpc::CreateCustomChannel(options.text("target"), credentials, arguments);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(60))) {
        std::cerr << "no connection to " << options.text("target") << std::endl;
        std::exit(1);
    }
    return channel;
}

void callAll(Run &run, std::vector<std::unique_ptr<grpc::GenericStub>> &stubs, int streams) {
    std::vector<std::unique_ptr<Caller>> callers;
    size_t at_work = 0;
    for (auto &stub : stubs) {
        for (int stream = 0; stream < streams; stream++) {
            callers.push_back(std::make_unique<Caller>(run, *stub));
            if (callers.back()->begin()) at_work++;
        }
    }
    void *tag;
    bool ok;
    while (at_work > 0 && run.queue.Next(&tag, &ok)) {
        auto *caller = static_cast<Caller *>(static_cast<Waiter *>(tag));
        caller->proceed(ok);
        if (caller->is_done) at_work--;
    }
}

void streamAll(Run &run, std::vector<std::unique_ptr<grpc::GenericStub>> &stubs, int streams, size_t ahead) {
    std::vector<std::unique_ptr<Stream>> open;
    for (auto &stub : stubs) {
        for (int stream = 0; stream < streams; stream++) open.push_back(std::make_unique<Stream>(run, *stub, ahead));
    }
    void *tag;
    bool ok;
    auto is_done = [](auto &stream) { return stream->is_done(); };
    while (!std::all_of(open.begin(), open.end(), is_done) && run.queue.Next(&tag, &ok)) {
        static_cast<Waiter *>(tag)->proceed(ok);
    }
}

double percentile(const std::vector<float> &sorted, double fraction) {
    return sorted.empty() ? 0 : sorted[std::min(sorted.size() - 1, size_t(fraction * sorted.size()))];
}

void report(Run &run, double seconds) {
    std::sort(run.latencies.begin(), run.latencies.end());
    std::printf(
        "{\"calls\": %zu, \"errors\": %lu, \"seconds\": %.6f, \"calls_per_second\": %.1f, \"received_bytes\": %lu, "
        "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
        run.latencies.size(), run.errors, seconds, run.latencies.size() / seconds, run.received_byte_count,
        percentile(run.latencies, 0.5), percentile(run.latencies, 0.99), percentile(run.latencies, 1));
    if (run.errors > 0) std::cerr << "last error: " << run.error_text << std::endl;
}

}  // namespace

int main(int count, char **words) {
    Options options(count, words);
    std::ifstream file(options.text("body"));
    std::string body{std::istreambuf_iterator<char>(file), {}};
    grpc::Slice slice(body);
    Run run;
    run.path = options.text("path");
    run.message = grpc::ByteBuffer(&slice, 1);
    run.response_byte_count_min = size_t(options.number("response-bytes", 0));
    run.latencies.reserve(1 << 22);
    int streams = int(options.number("streams", 1));
    std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
    for (int connection = 0; connection < int(options.number("connections", 1)); connection++) {
        stubs.push_back(std::make_unique<grpc::GenericStub>(connect(options)));
    }
    auto start = Clock::now();
    double seconds = options.number("seconds", options.number("calls", 0) > 0 ? 3600 : 5);
    run.end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    if (double calls = options.number("calls", 0); calls > 0) run.calls_left = uint64_t(calls);
    if (options.text("mode", "unary") == "stream") {
        streamAll(run, stubs, streams, size_t(options.number("ahead", 4)));
    } else {
        callAll(run, stubs, streams);
    }
    report(run, std::chrono::duration<double>(Clock::now() - start).count());
    return run.errors > 0 ? 2 : 0;
}
