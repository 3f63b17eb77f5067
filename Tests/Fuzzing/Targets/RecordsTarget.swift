import TLS
import Vocabulary

extension FuzzTarget {
    /// A client and a server of ours speak TLS, and the input is the network between them: it carries their bytes in
    /// pieces of any length, changes, drops and repeats them, and says when who writes and ends.
    ///
    /// Two bytes are one step: the lowest bit of the first says from which side, the next three what happens, the
    /// second byte how much.
    static let records = FuzzTarget("records", inputByteCountMax: 256, mutationCount: 200, seeds: { RecordsSeeds.all })
    { input in
        var cursor = ByteCursor(input)
        let bench = try RecordsBench()
        while !cursor.isEmpty {
            let action = cursor.byte()
            try bench.step(action, amount: Int(cursor.byte()))
        }
        try bench.end()
    }
}

/// Both ends, and what lies between them.
private final class RecordsBench {
    /// One end: what it said, what it heard, and whether it goes on.
    private final class End {
        let session: TLSSession
        var isComplete = false
        var failure: (any Error)?
        var hasShutDown = false
        var said: [UInt8] = []
        var heard: [UInt8] = []
        /// How much of it was found to be what the other end said.
        var checkedByteCount = 0
        var heardEnd = false
        /// Ciphertext on its way to the other end.
        var sent: [UInt8] = []

        init(_ session: TLSSession) { self.session = session }

        var isAlive: Bool { failure == nil }
    }

    private static let contexts: Result<(server: TLSContext, client: TLSContext), any Error> = Result {
        let validity = CertificateValidity(notBefore: 1_600_000_000, notAfter: 4_000_000_000)
        guard let name = ServerName("localhost"), let tenant = TenantID("local") else {
            throw FuzzFinding(description: "no names")
        }
        let authority = try CertificateAuthority(validity: validity)
        let roots = PEM(source: "ca", bytes: try authority.export().certificate)
        let server = try authority.issue(.server([name]), validity: validity)
        let client = try authority.issue(.client(.tenant(tenant)), validity: validity)
        return (
            try TLSContext(
                server: TLSServerConfiguration(
                    certificateChain: PEM(source: "server", bytes: server.certificate),
                    privateKey: PEM(source: "key", bytes: server.privateKey), clientAuthorities: roots)),
            try TLSContext(
                client: TLSClientConfiguration(
                    serverAuthorities: roots, certificateChain: PEM(source: "client", bytes: client.certificate),
                    privateKey: PEM(source: "key", bytes: client.privateKey)))
        )
    }

    private let client: End
    private let server: End
    private var wasTamperedWith = false

    init() throws {
        let contexts = try Self.contexts.get()
        client = End(try TLSSession(connecting: contexts.client, serverName: "localhost"))
        server = End(try TLSSession(accepting: contexts.server))
        advance(client)
    }

    func step(_ action: UInt8, amount: Int) throws {
        let (from, to) = action & 1 == 0 ? (client, server) : (server, client)
        let count = min(from.sent.count, amount * 8 + 1)
        switch action >> 1 & 7 {
        case 0, 1:
            deliver(Array(from.sent[..<count]), to)
            from.sent.removeFirst(count)
        case 2: write([UInt8](repeating: UInt8(amount), count: amount * 20), from)
        case 3:
            deliver(from.sent, to)
            from.sent = []
        case 4:
            guard count > 0 else { return }
            wasTamperedWith = true
            from.sent[count - 1] ^= 1 << (action >> 5)
        case 5:
            wasTamperedWith = wasTamperedWith || count > 0
            from.sent.removeFirst(count)
        case 6:
            wasTamperedWith = wasTamperedWith || count > 0
            from.sent = from.sent[..<count] + from.sent
        default: shutDown(from)
        }
        try check()
    }

    /// Everything arrives, and then the connection ends.
    func end() throws {
        for _ in 0..<4 {
            for (from, to) in [(client, server), (server, client)] {
                deliver(from.sent, to)
                from.sent = []
            }
        }
        try check()
        guard !wasTamperedWith else { return }
        try require(client.isAlive && server.isAlive, "\(String(describing: client.failure ?? server.failure))")
        try require(client.isComplete && server.isComplete, "the handshake does not complete")
        try require(server.heard == client.said && client.heard == server.said, "something was lost")
        try require(
            server.heardEnd == client.hasShutDown && client.heardEnd == server.hasShutDown, "an end went unnoticed")
    }

    /// Whatever the network did, nobody hears what was not said, or knows somebody who is not there.
    private func check() throws {
        for (from, to) in [(client, server), (server, client)] {
            let heard = to.heard[to.checkedByteCount...]
            try require(
                to.heard.count <= from.said.count && from.said[to.checkedByteCount...].starts(with: heard),
                "heard what was not said")
            to.checkedByteCount = to.heard.count
            if to.heardEnd {
                try require(from.hasShutDown && to.heard.count == from.said.count, "an end that nobody meant")
            }
        }
        if server.isComplete {
            try require("\(server.session.peerIdentity.map { "\($0)" } ?? "")".contains("local"), "a wrong identity")
        }
    }

    private func deliver(_ bytes: [UInt8], _ end: End) {
        guard end.isAlive, !bytes.isEmpty else { return }
        do { try bytes.withUnsafeBytes { try end.session.receive($0) } } catch { end.failure = error }
        advance(end)
    }

    private func advance(_ end: End) {
        do {
            if !end.isComplete, end.isAlive { end.isComplete = try end.session.handshake() == .complete }
            if end.isComplete, end.isAlive { try read(end) }
        } catch {
            end.failure = error
        }
        drain(end)
    }

    private func read(_ end: End) throws {
        var buffer = [UInt8](repeating: 0, count: 5000)
        while !end.heardEnd {
            switch try buffer.withUnsafeMutableBytes({ try end.session.read(into: $0) }) {
            case .bytes(let count): end.heard += buffer[..<count]
            case .wouldBlock: return
            case .closed: end.heardEnd = true
            }
        }
    }

    private func write(_ bytes: [UInt8], _ end: End) {
        guard end.isComplete, end.isAlive, !end.hasShutDown else { return }
        do {
            try bytes.withUnsafeBytes { try end.session.write($0) }
            end.said += bytes
        } catch {
            end.failure = error
        }
        drain(end)
    }

    private func shutDown(_ end: End) {
        guard end.isComplete, end.isAlive else { return }
        end.session.shutdown()
        end.hasShutDown = true
        drain(end)
    }

    private func drain(_ end: End) {
        end.session.drainOutput { bytes in
            end.sent += bytes
            return bytes.count
        }
    }
}

private enum RecordsSeeds {
    // What happens, from the client's side; one more is the server's.
    private static let carry: UInt8 = 0
    private static let write: UInt8 = 4
    private static let carryAll: UInt8 = 6
    private static let change: UInt8 = 8
    private static let drop: UInt8 = 10
    private static let again: UInt8 = 12
    private static let shutDown: UInt8 = 14
    /// Both flights of the handshake.
    private static let handshake: [UInt8] = [carryAll, 0, carryAll + 1, 0, carryAll, 0, carryAll + 1, 0]

    private static let pieces: [UInt8] = (0..<100).flatMap { [UInt8($0 % 2), UInt8($0 % 5)] }
    private static let long: [UInt8] = (0..<20).flatMap { _ in [write, 255] }

    static let all: [(name: String, bytes: [UInt8])] = [
        ("nothing", []), ("handshake", handshake),
        ("both-write", handshake + [write, 200, write + 1, 255, carryAll, 0, carryAll + 1, 0, write, 1]),
        ("pieces", pieces),
        ("changed", handshake + [write, 20, change, 9, carryAll, 0]),
        ("changed-handshake", [carryAll, 0, change + 1, 90, carryAll + 1, 0]),
        ("dropped", handshake + [write, 20, write, 20, drop, 250, carryAll, 0]),
        ("repeated", handshake + [write, 20, again, 255, carryAll, 0]),
        ("ends", handshake + [write, 3, shutDown, 0, carryAll, 0, write + 1, 3, shutDown + 1, 0]),
        ("long", handshake + long + [carry, 255, carryAll, 0]),
    ]
}
