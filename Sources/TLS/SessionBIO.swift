import COpenSSL

/// Both directions of one session's ciphertext, as OpenSSL's read and write functions see them.
///
/// Why not OpenSSL's own memory BIO: it never gives memory back, and taking part of what it holds costs a copy.
final class SessionBIO {
    /// What came and was not read yet; empty as long as the owner reads everything while it is `lent`.
    var incoming = RecordBuffer()
    var outgoing = RecordBuffer()
    /// What just came, read behind `incoming` and where it is: most ciphertext is never copied on its way to OpenSSL.
    private var lent = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The transport will bring no more; reading an empty `incoming` is then the end and not a wait.
    var transportEnded = false
    /// Nothing more is given to OpenSSL, so that a call into it that would go on reading ends.
    var isCut = false
    /// Bytes that OpenSSL has taken.
    private(set) var takenByteCount = 0

    /// Bytes that wait to be read.
    var unreadByteCount: Int { incoming.count + lent.count }

    /// Calls `body` while `ciphertext` can be read, and keeps what it leaves.
    func lend<Failure: Error>(
        _ ciphertext: UnsafeRawBufferPointer, while body: () throws(Failure) -> Void
    ) throws(Failure) {
        lent = ciphertext
        defer {
            incoming.append(lent)
            lent = UnsafeRawBufferPointer(start: nil, count: 0)
        }
        try body()
    }

    /// Moves up to `destination.count` bytes into `destination` and returns how many.
    private func read(into destination: UnsafeMutableRawBufferPointer) -> Int {
        guard !isCut else { return 0 }
        if !incoming.isEmpty { return incoming.move(into: destination) }
        let moved = min(lent.count, destination.count)
        guard moved > 0 else { return 0 }
        destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: lent[..<moved]))
        lent = UnsafeRawBufferPointer(rebasing: lent[moved...])
        return moved
    }

    /// A new BIO over this object, owned by the caller.
    ///
    /// The BIO holds the object unretained: the session that owns the `SSL *`, and with it the BIO, also owns this.
    func makeBIO() -> OpaquePointer? {
        guard let bio = BIO_new(SessionBIO.method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }

    // Written once by the initialiser, before any thread can see it, and only read afterwards.
    nonisolated(unsafe) private static let method: OpaquePointer = {
        guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "Apus session") else {
            preconditionFailure("OpenSSL has no memory for a BIO method")
        }
        BIO_meth_set_write_ex(method) { bio, bytes, byteCount, written in
            SessionBIO.of(bio).outgoing.append(UnsafeRawBufferPointer(start: bytes, count: byteCount))
            written?.pointee = byteCount
            return 1
        }
        BIO_meth_set_read_ex(method) { bio, destination, byteCount, readCount in
            let session = SessionBIO.of(bio)
            apus_BIO_clear_retry_flags(bio)
            let moved = session.read(into: UnsafeMutableRawBufferPointer(start: destination, count: byteCount))
            session.takenByteCount += moved
            readCount?.pointee = moved
            if moved == 0 && !session.transportEnded && !session.isCut { apus_BIO_set_retry_read(bio) }
            return moved > 0 ? 1 : 0
        }
        BIO_meth_set_ctrl(method) { bio, command, _, _ in
            switch command {
            case BIO_CTRL_FLUSH: 1
            case BIO_CTRL_EOF: SessionBIO.of(bio).transportEnded && SessionBIO.of(bio).unreadByteCount == 0 ? 1 : 0
            default: 0
            }
        }
        return method
    }()

    private static func of(_ bio: OpaquePointer?) -> SessionBIO {
        Unmanaged<SessionBIO>.fromOpaque(BIO_get_data(bio)).takeUnretainedValue()
    }
}
