/// What a link to a shard does next: events in, actions out.
///
/// A *line* is a channel to the shard, with at most one call that listens; lines are numbered in the order in which
/// they were opened. One of them is current: calls go there. Another one may be the candidate, which shows a new
/// certificate and becomes current when the shard has answered on it; until then the current one is listened to as
/// before.
///
/// ```
///             answered                          ended
/// away ────────────────────▶ there ──────────────────────────▶ doubted ──answered──▶ there
///  ▲ ▲                         │ silent (to a new line), drained  │ ended again, silent, or time
///  │ └─────────────────────────┘                                  │
///  └──────────────────────────────────────────────────────────────┘
/// ```
///
/// Why a doubt: a connection is lost now and then, and a shard that answers on the next one was never away.
///
/// A value without clock, channel or task.
struct LinkState {
    enum Event: Equatable {
        /// The shard has said on a line that it takes calls, and which models it has.
        case answered(line: Int, models: String)
        /// The call that listens on a line has ended, so long after the first thing that was heard; 0 for nothing.
        case ended(line: Int, reason: String, heardNanoseconds: UInt64)
        /// It has ended with a shard that takes no more calls.
        case drained(line: Int)
        /// Nothing was heard on a line for too long, and its call was given up.
        case silent(line: Int)
        /// There is another certificate than before.
        case renewed
        /// A pause is over.
        case paused(line: Int)
        /// The time for a doubt is over.
        case doubted(number: Int)
        /// Nobody wants the link any more.
        case cancelled
    }

    enum Action: Equatable {
        /// Make a channel, which shows the newest certificate.
        case open(line: Int)
        case listen(line: Int)
        /// Calls go to a new line from now on; the old one is closed or retired next.
        case replace(old: Int, new: Int)
        /// Stop listening on a line, and close it when its calls have ended. Those that wait there fail: what holds
        /// them up would go on doing so, and another shard may take them.
        case close(line: Int)
        /// As `close`, but for those that wait, which are served.
        case retire(line: Int)
        /// Tell when so much time has passed.
        case pause(line: Int, nanoseconds: UInt64)
        case doubt(number: Int, nanoseconds: UInt64)
        /// The shard gets no calls before it answers again.
        case lose(reason: String)
        /// The connection is another one than before, and the shard was not away.
        case reconnect
        case tell(News)
    }

    /// What a person may want to know.
    enum News: Equatable {
        case isThere(models: String)
        case tookCertificate
        case refusedCertificate(reason: String)
    }

    /// Between two attempts to listen; a shard that restarts is found again within this time and its connection's.
    static let pauseNanoseconds: UInt64 = 200_000_000
    /// How long a shard stays that has to be connected to anew.
    static let doubtNanoseconds: UInt64 = 400_000_000

    /// Where calls go.
    private(set) var current = 0
    private(set) var candidate: Int?
    /// Whether the shard takes calls, as far as is known.
    private(set) var isThere = false
    private var doubt: (number: Int, reason: String)?
    /// Whether the certificate has changed while the shard was away, perhaps after its connection had begun.
    private var missedRenewal = false
    private var lineCount = 1
    private var doubtCount = 0

    /// A link with one line, number 0, which is to be listened to.
    init() {}

    /// What to do now, in this order.
    ///
    /// Of lines that were closed nothing is heard any more, and what comes late changes nothing.
    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .answered(let line, let models): answered(line, models)
        case .ended(let line, let reason, let heard): ended(line, reason, heardNanoseconds: heard)
        case .drained(let line): left(line, "it drains")
        case .silent(let line): silent(line)
        case .renewed: renewed()
        case .paused(let line): line == current ? [.listen(line: line)] : []
        case .doubted(let number): doubt.map { $0.number == number ? lose($0.reason) : [] } ?? []
        case .cancelled: cancelled()
        }
    }

    private mutating func answered(_ line: Int, _ models: String) -> [Action] {
        guard line == candidate else { return line == current ? arrive(models) : [] }
        let old = current
        current = line
        candidate = nil
        return [.replace(old: old, new: line), .retire(line: old), .tell(.tookCertificate)] + arrive(models)
    }

    private mutating func arrive(_ models: String) -> [Action] {
        guard isThere else {
            isThere = true
            defer { missedRenewal = false }
            return [.tell(.isThere(models: models))] + (missedRenewal ? renewed() : [])
        }
        defer { doubt = nil }
        return doubt == nil ? [] : [.reconnect]
    }

    private mutating func ended(_ line: Int, _ reason: String, heardNanoseconds: UInt64) -> [Action] {
        // A shard that ends each call at once is neither trusted nor asked as fast as the network allows.
        guard line == current, isThere, doubt == nil, heardNanoseconds >= Self.pauseNanoseconds else {
            return left(line, reason)
        }
        doubtCount += 1
        doubt = (doubtCount, reason)
        return [.doubt(number: doubtCount, nanoseconds: Self.doubtNanoseconds), .listen(line: line)]
    }

    /// Nobody speaks on a line any more.
    private mutating func left(_ line: Int, _ reason: String) -> [Action] {
        guard line == current else { return refused(line, reason) }
        return lose(reason) + [.pause(line: line, nanoseconds: Self.pauseNanoseconds)]
    }

    private mutating func refused(_ line: Int, _ reason: String) -> [Action] {
        guard line == candidate else { return [] }
        candidate = nil
        return [.close(line: line), .tell(.refusedCertificate(reason: reason))]
    }

    private mutating func lose(_ reason: String) -> [Action] {
        doubt = nil
        guard isThere else { return [] }
        isThere = false
        return [.lose(reason: reason)]
    }

    /// When a network is cut, TCP waits about as long again as it was cut before it says anything, so a new line is
    /// tried; a candidate is one already.
    private mutating func silent(_ line: Int) -> [Action] {
        let reason = "it says nothing"
        guard line == current else { return refused(line, reason) }
        let actions = lose(reason)
        if let candidate {
            current = candidate
            self.candidate = nil
            return actions + [.replace(old: line, new: current), .close(line: line)]
        }
        current = newLine()
        return actions + [
            .open(line: current), .replace(old: line, new: current), .close(line: line), .listen(line: current),
        ]
    }

    /// With a new certificate a shard is as much there as before; one that is away may be tried first.
    private mutating func renewed() -> [Action] {
        guard isThere else {
            missedRenewal = true
            return []
        }
        let old = candidate
        let new = newLine()
        candidate = new
        return (old.map { [.close(line: $0)] } ?? []) + [.open(line: new), .listen(line: new)]
    }

    private mutating func cancelled() -> [Action] {
        defer { candidate = nil }
        return [.retire(line: current)] + (candidate.map { [.close(line: $0)] } ?? [])
    }

    private mutating func newLine() -> Int {
        defer { lineCount += 1 }
        return lineCount
    }
}
