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
        let stream = SocketStream(descriptor: descriptor, peerName: "nobody", loop: loop)
        #expect(Self.value(of: TCP_USER_TIMEOUT, descriptor) == 0)
        stream.setUserTimeout(milliseconds: 20_000)
        #expect(Self.value(of: TCP_USER_TIMEOUT, descriptor) == 20_000)
        #expect(Self.value(of: TCP_NODELAY, descriptor) == 1)
        stream.close()
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
