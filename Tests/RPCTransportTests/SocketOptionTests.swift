import CLinux
import EventLoops
import Glibc
import Testing

@testable import RPCTransport

@Suite("The options of sockets")
struct SocketOptionTests {
    private static func value(of option: Int32, _ descriptor: Int32) -> Int32 {
        var value: Int32 = -1
        var byteCount = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, Int32(IPPROTO_TCP), option, &value, &byteCount) == 0 ? value : -1
    }

    @Test("B135: what nobody acknowledges is given up after the keepalive timeout")
    func userTimeout() throws {
        let loop = try EventLoop(name: "sockets")
        let descriptor = apus_stream_socket(AF_INET)
        try #require(descriptor >= 0)
        let stream = SocketStream(descriptor: descriptor, peer: try Self.address("192.0.2.1"), loop: loop)
        #expect(Self.value(of: TCP_USER_TIMEOUT, descriptor) == 0)
        stream.setUserTimeout(milliseconds: 20_000)
        #expect(Self.value(of: TCP_USER_TIMEOUT, descriptor) == 20_000)
        #expect(Self.value(of: TCP_NODELAY, descriptor) == 1)
        stream.close()
    }

    @Test("Who is reached without a network is not paced; for the others the system's congestion control stays")
    func congestionControl() throws {
        let loop = try EventLoop(name: "sockets")
        for (host, isLoopback) in [
            ("127.0.0.1", true), ("127.8.9.1", true), ("::1", true), ("::ffff:127.0.0.1", true), ("192.0.2.1", false),
            ("::", false), ("2001:db8::1", false), ("::ffff:192.0.2.1", false), ("7f00::1", false),
        ] {
            let peer = try Self.address(host)
            #expect(peer.isLoopback == isLoopback, "\(host)")
            let descriptor = apus_stream_socket(peer.family)
            try #require(descriptor >= 0)
            let before = Self.congestionControl(descriptor)
            let stream = SocketStream(descriptor: descriptor, peer: peer, loop: loop)
            #expect(Self.congestionControl(descriptor) == (isLoopback ? "reno" : before), "\(host)")
            stream.close()
        }
    }

    private static func address(_ host: String) throws -> SocketAddress {
        try #require(try SocketAddress.resolve(host: host, port: 1, isNumeric: true).first)
    }

    private static func congestionControl(_ descriptor: Int32) -> String {
        var name = [UInt8](repeating: 0, count: 16)
        var byteCount = socklen_t(name.count)
        guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, &name, &byteCount) == 0 else { return "?" }
        return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }

    @Test("B135: the timeout of TCP is that of keepalive while there is keepalive, and the system's otherwise")
    func policy() {
        #expect(KeepalivePolicy().userTimeoutMilliseconds == 0)
        #expect(KeepalivePolicy.server.userTimeoutMilliseconds == 20_000)
        var policy = KeepalivePolicy()
        policy.timeNanoseconds = 1
        policy.timeoutNanoseconds = 7_500_000_000
        #expect(policy.userTimeoutMilliseconds == 7_500)
        policy.timeoutNanoseconds = .max
        #expect(policy.userTimeoutMilliseconds == .max)
    }
}
