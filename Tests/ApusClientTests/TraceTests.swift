import ApusClient
import Testing

@Suite struct TraceTests {
    @Test("a client whose traceparent is malformed is not made", arguments: ["", "00-1-2-01", "00-4bf9"])
    func malformed(text: String) async {
        var configuration = ApusClientConfiguration(host: "127.0.0.1", security: .plaintext)
        configuration.traceparent = text
        let error = #expect(throws: ApusError.self) { try ApusClient(configuration) }
        #expect(error?.code == .invalidArgument && error?.message.hasPrefix("traceparent: expected") == true)
    }
}
