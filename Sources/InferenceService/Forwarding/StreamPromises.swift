import Tenancy

/// The requests of a forwarded stream: what those may use at most that are not answered, and what the others used.
///
/// Requests are answered in their order, as everywhere here.
struct StreamPromises {
    private var open: [MeteredAmounts] = []
    /// Those before it are answered.
    private var firstOpen = 0
    private(set) var used = Consumption()

    /// One more request was sent.
    mutating func add(_ most: MeteredAmounts) { open.append(most) }

    /// The first request that was not answered is, and has used so much.
    ///
    /// - Returns: what it might have used; nil where no request is open.
    mutating func settle(_ consumption: Consumption) -> MeteredAmounts? {
        guard firstOpen < open.count else { return nil }
        used.add(consumption)
        let most = open[firstOpen]
        firstOpen += 1
        // Each is moved once for as many that went.
        if firstOpen * 2 > open.count {
            open.removeFirst(firstOpen)
            firstOpen = 0
        }
        return most
    }

    /// What has been used, where nobody can say how much of the open requests was.
    var mostUsed: Consumption {
        var sum = used
        for most in open[firstOpen...] { sum.add(Consumption(most: most)) }
        return sum
    }

    /// Whether nothing was sent that costs anything.
    var isEmpty: Bool { used == Consumption() && open[firstOpen...].allSatisfy { $0 == MeteredAmounts() } }
}
