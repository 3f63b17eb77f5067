import Configuration
import Engine
import RPCTransport
import Testing

@testable import ApusServer

@Suite("The settings of repositories and shared memory")
struct RepositorySettingsTests {
    private func read(_ text: String) throws -> ServerConfiguration {
        try ServerConfiguration(reading: ConfigurationFile.parse(text, file: "apus.yaml"))
    }

    @Test("are read, each into its place; without them what lies there at the start is served")
    func all() throws {
        #expect(try read("").repositoryControl == .none)
        #expect(try !read("").allowsSharedMemory)
        let polled = try read("repository: {control: poll, poll_every: 2s}\nshared_memory: true\n")
        #expect(polled.repositoryControl == .poll && polled.repositoryPollNanoseconds == 2_000_000_000)
        #expect(polled.allowsSharedMemory)
    }

    @Test(
        "are refused with file, line and key when they make no sense",
        arguments: [
            ("repository: {control: sometimes}", "none, poll, explicit"), ("repository: {poll_every: 1us}", "10ms"),
            ("repository: {every: 1s}", "unknown key"),
            ("listen: 0.0.0.0:8461\nshared_memory: true", "only on a loopback address, not 0.0.0.0"),
        ])
    func wrong(text: String, words: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(text) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
}

@Suite("The settings of connections")
struct ConnectionSettingsTests {
    private static let second: UInt64 = 1_000_000_000

    private func read(_ lines: String) throws -> ServerConnectionPolicy {
        let text = "connections:\n" + lines.split(separator: "\n").map { "  \($0)\n" }.joined()
        return try ServerConfiguration(reading: ConfigurationFile.parse(text, file: "apus.yaml")).connections
    }

    @Test("keep their defaults when they are absent")
    func defaults() throws {
        let policy = try ServerConfiguration(reading: ConfigurationFile.parse("", file: "apus.yaml")).connections
        #expect(policy == ServerConnectionPolicy())
        #expect(policy.maxIdleNanoseconds == nil && policy.maxAgeNanoseconds == nil)
        #expect(policy.keepalive.timeNanoseconds == 7_200 * Self.second && policy.keepalive.pingsWithoutCalls)
        #expect(policy.stallTimeoutNanoseconds == 60 * Self.second && policy.halfOpenCountMax == nil)
    }

    @Test("are read, each into its place")
    func all() throws {
        let policy = try read(
            """
            max_idle: 5min
            max_age: 1h
            age_grace: 30s
            keepalive_time: 1min
            keepalive_timeout: 7s
            ping_interval: 10s
            ping_without_calls: true
            handshake_timeout: 3s
            preface_timeout: 2s
            half_open: 99
            stall_timeout: 45s
            """)
        var expected = ServerConnectionPolicy()
        expected.maxIdleNanoseconds = 300 * Self.second
        expected.maxAgeNanoseconds = 3_600 * Self.second
        expected.ageGraceNanoseconds = 30 * Self.second
        expected.keepalive.timeNanoseconds = 60 * Self.second
        expected.keepalive.timeoutNanoseconds = 7 * Self.second
        expected.pings.intervalNanosecondsMin = 10 * Self.second
        expected.pings.permitsWithoutCalls = true
        expected.handshakeTimeoutNanoseconds = 3 * Self.second
        expected.prefaceTimeoutNanoseconds = 2 * Self.second
        expected.halfOpenCountMax = 99
        expected.stallTimeoutNanoseconds = 45 * Self.second
        #expect(policy == expected)
    }

    @Test(
        "are refused with file, line and key when they make no sense",
        arguments: [
            ("max_age: 5", "max_age"), ("keepalive_time: 10ms", "keepalive_time"), ("half_open: 0", "half_open"),
            ("stall_timeout: 25h", "from 1s to 24h"), ("max_idel: 5m", "max_idel"),
            ("ping_without_calls: 3", "ping_without_calls"),
        ])
    func wrong(line: String, key: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(line) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("apus.yaml:2") && text.contains(key), "\(text)")
    }
}

@Suite("The address for probes")
struct ProbeListenerTests {
    private func read(_ text: String) throws -> ServerConfiguration.ProbeListener {
        try ServerConfiguration(reading: ConfigurationFile.parse(text, file: "apus.yaml")).probes
    }

    @Test("is the default if that is free, the one that is written, or none")
    func read() throws {
        #expect(try read("") == .ifFree(.init(host: "127.0.0.1", port: 8462)))
        #expect(try read("http_listen: 0.0.0.0:9000") == .on(.init(host: "0.0.0.0", port: 9000)))
        #expect(try read("http_listen: off") == .off)
        #expect(try read("http_listen: \"[::1]:0\"") == .on(.init(host: "::1", port: 0)))
    }

    @Test("is refused with file, line and key when it is none", arguments: ["on", "9000", "[::1]", "host:99999"])
    func wrong(text: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try read("http_listen: \"\(text)\"") }
        let message = error.map { "\($0)" } ?? ""
        #expect(message.contains("apus.yaml:1:14: http_listen: expected HOST:PORT"), "\(message)")
    }
}

@Suite("The limit of file descriptors")
struct DescriptorLimitTests {
    @Test(
        "is raised to what the connections need, as far as the hard limit allows, and never lowered",
        arguments: [
            (1_024, 524_288, 10_000, 10_064), (1_024, 4_096, 10_000, 4_096), (65_536, 524_288, 1_000, 65_536),
            (1_024, 1_024, 1_024, 1_024),
        ])
    func wanted(soft: Int, hard: Int, connections: Int, expected: Int) {
        let limit = DescriptorLimit(softCount: soft, hardCount: hard)
        #expect(limit.softCount(for: connections) == expected)
    }

    @Test("keeps a few descriptors for what is no connection")
    func reserve() {
        #expect(DescriptorLimit(softCount: 1_088, hardCount: 4_096).connectionCount == 1_024)
        #expect(DescriptorLimit(softCount: 10, hardCount: 4_096).connectionCount == 0)
    }
}
