import Glibc
import Vocabulary

/// A part of a shared memory object that a caller has registered, by its descriptor.
///
/// It is read and written by pread(2) and pwrite(2), not mapped: who made the object may make it shorter at any moment,
/// and touching a mapped page past its end would end the process (mmap(2), SIGBUS), while a read just comes back short.
/// What is read is a copy, so it does not change while it is looked at either.
///
/// - Isolation: any thread; nothing changes after `init`.
/// - Source: shm_open(3), shm_overview(7).
final class SharedMemoryRegion: Sendable {
    /// The name of the object.
    let key: String
    /// Where in the object the region begins.
    let offset: Int
    let byteCount: Int
    private let descriptor: Int32

    /// Opens the object and checks that the region lies in it.
    ///
    /// - Throws: INVALID_ARGUMENT, with `name` as what the caller calls the region.
    init(name: String, key: String, offset: UInt64, byteCount: UInt64) throws(ServingError) {
        // One slash and a name behind it: anything else is for the library to interpret.
        guard key.utf8.first == UInt8(ascii: "/"), (2...255).contains(key.utf8.count),
            !key.utf8.dropFirst().contains(UInt8(ascii: "/")), !key.utf8.contains(0)
        else { throw Self.unusable(name, "the key is a slash and 1 to 254 characters that are none") }
        guard let offset = Int(exactly: offset), let byteCount = Int(exactly: byteCount), byteCount > 0,
            !offset.addingReportingOverflow(byteCount).overflow
        else { throw Self.unusable(name, "Invalid offset and byte size") }
        descriptor = shm_open(key, O_RDWR | O_CLOEXEC, 0)
        guard descriptor >= 0 else {
            throw Self.unusable(name, "Unable to open shared memory region: '\(key)' (\(Self.errorText()))")
        }
        self.key = key
        self.offset = offset
        self.byteCount = byteCount
        var status = stat()
        guard fstat(descriptor, &status) == 0, offset + byteCount <= Int(status.st_size) else {
            throw Self.unusable(name, "Invalid offset and byte size: the object has \(status.st_size) bytes")
        }
    }

    deinit { close(descriptor) }

    /// A copy of some of its bytes; nil when the object does not have them any more.
    ///
    /// - Precondition: `range` lies in `0 ..< byteCount`.
    func read(_ range: Range<Int>) -> Bytes? {
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "\(range) of \(byteCount) bytes")
        var isComplete = true
        let bytes = Bytes(byteCount: range.count) { destination in
            isComplete = Self.whole(destination.count) { done in
                pread(
                    descriptor, destination.baseAddress! + done, destination.count - done,
                    offset + range.lowerBound + done)
            }
        }
        return isComplete ? bytes : nil
    }

    /// Writes bytes at a place in it; false when the object does not have the place any more.
    ///
    /// - Precondition: the place lies in `0 ..< byteCount`.
    func write(_ bytes: Bytes, at place: Int) -> Bool {
        precondition(place >= 0 && place + bytes.count <= byteCount, "\(place)+\(bytes.count) of \(byteCount) bytes")
        var status = stat()
        // A write past its end would make the object longer again, with memory that nobody asked for.
        guard fstat(descriptor, &status) == 0, offset + place + bytes.count <= Int(status.st_size) else { return false }
        return bytes.withUnsafeBytes { source in
            Self.whole(source.count) { done in
                pwrite(descriptor, source.baseAddress! + done, source.count - done, offset + place + done)
            }
        }
    }

    /// Calls `move` with the bytes moved so far until all are; false when it gets no further.
    private static func whole(_ byteCount: Int, _ move: (Int) -> Int) -> Bool {
        var done = 0
        while done < byteCount {
            let moved = move(done)
            if moved < 0, errno == EINTR { continue }
            guard moved > 0 else { return false }
            done += moved
        }
        return true
    }

    private static func unusable(_ name: String, _ problem: String) -> ServingError {
        ServingError(
            .invalidArgument, "failed to register shared memory region '\(name.shown())': \(problem)",
            label: "bad_shared_memory")
    }

    private static func errorText() -> String { String(cString: strerror(errno)) }
}
