import RPC
import Testing
import Vocabulary

@testable import LoadTest

@Suite("CallUsage and ErrorReason")
struct CallUsageTests {
    @Test("trailers say what a call used; nonsense and other people's trailers say nothing")
    func trailers() throws {
        var trailers = Metadata()
        for (name, value) in [
            ("apus-prompt-tokens", "12"), ("apus-generated-tokens", "3"), ("apus-compute-us", "4500"),
            ("apus-images", "-1"), ("apus-nodes", "many"), ("x-images", "7"), ("apus-queue-us", "99999999999999999999"),
        ] {
            try trailers.append(name, value)
        }
        var usage = CallUsage(trailers)
        #expect(usage.promptTokens == 12 && usage.generatedTokens == 3 && usage.computeMicroseconds == 4500)
        #expect(usage.images == 0 && usage.nodes == 0 && usage.queueMicroseconds == 0 && usage.calls == 1)
        usage += usage
        #expect(usage.promptTokens == 24 && usage.calls == 2)
        #expect(CallUsage(Metadata()).calls == 0)
    }

    /// A field of a serialised message whose contents are shorter than 128 bytes.
    private func field(_ number: UInt8, _ contents: [UInt8]) -> [UInt8] {
        [number << 3 | 2, UInt8(contents.count)] + contents
    }

    private func status(_ reason: String, type: String = "type.googleapis.com/google.rpc.ErrorInfo") -> [UInt8] {
        let info = field(1, Array(reason.utf8)) + field(2, Array("apus".utf8))
        let any = field(1, Array(type.utf8)) + field(2, info)
        return [8, 8] + field(2, Array("full".utf8)) + field(3, any)
    }

    @Test("the reason is found among the details")
    func reason() {
        #expect(ErrorReason.read(Bytes(status("QUEUE_FULL"))) == "QUEUE_FULL")
        let other = status("NOT_THIS", type: "type.googleapis.com/google.rpc.RetryInfo")
        #expect(ErrorReason.read(Bytes(other)) == nil)
        let both = other + status("BUDGET_EXHAUSTED").dropFirst(2)
        #expect(ErrorReason.read(Bytes(both)) == "BUDGET_EXHAUSTED")
    }

    @Test(
        "a reason that is none is not taken",
        arguments: ["", "<script>", "lower", String(repeating: "A", count: 64), "A B"])
    func noReason(text: String) {
        #expect(ErrorReason.read(Bytes(status(text))) == nil)
    }

    @Test("bytes that end too early have no reason, and no harm in them")
    func truncated() {
        let whole = status("QUEUE_FULL")
        for count in 0..<whole.count { #expect(ErrorReason.read(Bytes(whole.prefix(count))) == nil) }
    }
}
