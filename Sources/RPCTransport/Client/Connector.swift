package import EventLoops

/// Finds the addresses of a channel's target, and makes byte streams to them.
package protocol Connector: Sendable {
    /// Finds the addresses of a name and calls `completion` once, on `loop`.
    ///
    /// - Isolation: called on `loop`, which must not wait.
    func resolve(
        host: String, port: UInt16, on loop: EventLoop,
        completion: @escaping (Result<[ServerAddress], ConnectError>) -> Void)

    /// Connects to one address and calls `completion` on `loop`, once or, after a cancellation, never.
    ///
    /// - Returns: how to give the attempt up; does nothing when it has ended.
    /// - Isolation: called on `loop`.
    func connect(
        to address: ServerAddress, on loop: EventLoop, timeoutNanoseconds: UInt64,
        completion: @escaping (Result<any ByteStream, ConnectError>) -> Void
    ) -> ConnectCancellation
}

/// Gives an attempt to connect up; nothing is called back afterwards.
package typealias ConnectCancellation = () -> Void

/// Why no connection came about, or why a name has no address.
package struct ConnectError: Error, Sendable {
    package let description: String

    package init(description: String) { self.description = description }
}
