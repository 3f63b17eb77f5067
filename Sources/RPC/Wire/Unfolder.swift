package import Compression
package import EventLoops
import Vocabulary

/// Unfolds the compressed messages of a loop's connections, so much in a turn.
///
/// A message that the turn has time for is unfolded where it is asked for. A longer one goes on at the ends of the
/// turns that follow, when the others have been served, and the connections take turns in that.
///
/// - Isolation: its loop.
package final class Unfolder: EndOfTurnHandler {
    /// Bytes, read and written, that are unfolded where they are asked for in one turn; as many again at its end.
    ///
    /// Each takes something like half a millisecond, where the turn itself takes microseconds.
    package static let byteCountPerTurnMax = 256 << 10
    /// What a message counts for at least: zlib's state has to be reset for it.
    static let messageByteCountMin = 1024
    /// Connections whose messages are unfolded at the same time; each holds zlib's state and half a message.
    package static let ownerCountMax = 16

    private let loop: EventLoop
    private let codec: Codec
    private var queue = OwnerQueue<Unfolding>(activeOwnerCountMax: ownerCountMax)
    private var isScheduled = false
    /// The turn for which `leftByteCount` counts.
    private var turn: UInt64?
    private var leftByteCount = 0

    package init(loop: EventLoop, codec: Codec) {
        self.loop = loop
        self.codec = codec
    }

    /// Messages under way or waiting for it.
    package var count: Int { queue.count }

    /// Begins to unfold a message; it may be done when this returns.
    package func start(_ unfolding: Unfolding) {
        loop.preconditionOnLoop()
        if turn != loop.turnCount {
            turn = loop.turnCount
            leftByteCount = Self.byteCountPerTurnMax
        }
        if leftByteCount > 0, queue.isActive(newOwner: unfolding.owner) {
            leftByteCount -= advance(unfolding, byteCountMax: leftByteCount)
            guard unfolding.result == nil else { return }
        }
        unfolding.ticket = queue.append(unfolding, of: unfolding.owner)
        schedule()
    }

    /// Gives a message up and frees what it holds; whoever waits for it gets CANCELLED.
    ///
    /// One that is done stays so.
    package func cancel(_ unfolding: Unfolding) {
        loop.preconditionOnLoop()
        guard unfolding.result == nil else { return }
        end(unfolding, .failure(ServingError(.cancelled, "nobody needs the message any more")))
    }

    package func turnDidEnd() {
        isScheduled = false
        var left = Self.byteCountPerTurnMax
        while left > 0, let unfolding = queue.next() { left -= advance(unfolding, byteCountMax: left) }
        schedule()
    }

    /// The loop does not wait before a turn whose end somebody waits for.
    private func schedule() {
        guard !queue.isEmpty, !isScheduled else { return }
        isScheduled = true
        loop.callAtEndOfTurn(self)
    }

    /// Unfolds a slice, and ends what is then done; returns what it cost.
    private func advance(_ unfolding: Unfolding, byteCountMax: Int) -> Int {
        let before = unfolding.decompression?.workByteCount ?? 0
        let result: Result<Bytes, ServingError>?
        do throws(ServingError) {
            result = try slice(of: unfolding, byteCountMax: byteCountMax).map { .success($0) }
        } catch {
            result = .failure(error)
        }
        let after = unfolding.decompression?.workByteCount ?? 0
        if let result { end(unfolding, result) }
        return max(Self.messageByteCountMin, after - before)
    }

    /// Unfolds a slice and counts what has come out; the whole message once it is there.
    private func slice(of unfolding: Unfolding, byteCountMax: Int) throws(ServingError) -> Bytes? {
        let progress: Decompression.Progress
        do throws(CompressionError) {
            let decompression = try decompression(of: unfolding)
            progress = try decompression.advance(byteCountMax: byteCountMax)
        } catch {
            throw ServingError(error)
        }
        try unfolding.countOutput(unfolding.decompression?.outputByteCount ?? 0)
        guard case .finished(let bytes) = progress else { return nil }
        return bytes
    }

    private func decompression(of unfolding: Unfolding) throws(CompressionError) -> Decompression {
        if let decompression = unfolding.decompression { return decompression }
        let decompression = try codec.begin(
            unfolding.message, unfolding.format, byteCountMax: unfolding.byteCountMax)
        unfolding.decompression = decompression
        return decompression
    }

    private func end(_ unfolding: Unfolding, _ result: Result<Bytes, ServingError>) {
        if let ticket = unfolding.ticket.take() { queue.remove(ticket) }
        if let decompression = unfolding.decompression.take() { codec.end(decompression) }
        unfolding.finish(result)
    }
}
