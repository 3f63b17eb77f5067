/// How many bytes of requests the calls of a connection, and of all connections of a loop, may hold.
///
/// Counted are messages on their way in, messages whose handler has not returned, and for each that waits for a
/// stream's handler its place in the queue, which is more than an empty message has bytes. Why a budget beside the
/// limits of messages and streams: their product is what one client can make a server keep, hundreds of streams of tens
/// of megabytes each.
package struct RequestBudget: Sendable {
    /// What a connection may hold whatever the others do, so that nobody can take all there is.
    package var guaranteedByteCount = 1 << 20
    /// The most that one connection may hold.
    package var connectionByteCountMax = 128 << 20
    /// What all connections of a loop may hold together, what each is guaranteed apart.
    package var totalByteCountMax = 1 << 30

    package init() {}

    /// Whether `byteCount` more bytes may be held by a connection that holds `connectionByteCount` of `totalByteCount`.
    func allows(_ byteCount: Int, connectionByteCount: Int, totalByteCount: Int) -> Bool {
        let wanted = connectionByteCount + byteCount
        if wanted <= guaranteedByteCount { return true }
        return wanted <= connectionByteCountMax && totalByteCount + byteCount <= totalByteCountMax
    }
}
