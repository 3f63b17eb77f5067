/// All stream records of a session, reused from stream to stream and never moved.
///
/// The owner calls `deallocate`.
struct StreamPool {
    /// Indexed by slot; every entry is initialised memory, in use or free.
    private var records: [UnsafeMutablePointer<StreamRecord>] = []
    private var freeSlots: [Int32] = []
    /// Records in use, including those of closed streams whose `closed` event is still queued.
    var usedCount: Int { records.count - freeSlots.count }

    /// A fresh record for the stream called `id`; 0 for one whose identifier is set right after.
    mutating func take(id: Int32) -> UnsafeMutablePointer<StreamRecord> {
        if let slot = freeSlots.popLast() {
            let record = records[Int(slot)]
            record.pointee.stream = HTTP2Stream(id: id, slot: slot)
            return record
        }
        let record = UnsafeMutablePointer<StreamRecord>.allocate(capacity: 1)
        record.initialize(to: StreamRecord(stream: HTTP2Stream(id: id, slot: Int32(records.count))))
        records.append(record)
        return record
    }

    /// Gives a record back; its queue keeps its memory for the next stream.
    mutating func give(back record: UnsafeMutablePointer<StreamRecord>) {
        let slot = record.pointee.stream.slot
        record.pointee.outbound.removeAll()
        record.pointee.trailers = nil
        record.pointee.flags = []
        record.pointee.unconsumedByteCount = 0
        record.pointee.sentByteCount = 0
        record.pointee.receivedByteCount = 0
        record.pointee.resetCode = .noError
        record.pointee.stream = HTTP2Stream(id: 0, slot: slot)
        freeSlots.append(slot)
    }

    /// The record of `stream`, or nil when the slot belongs to another stream by now.
    func record(of stream: HTTP2Stream) -> UnsafeMutablePointer<StreamRecord>? {
        guard stream.slot >= 0 && stream.slot < records.count && stream.id != 0 else { return nil }
        let record = records[Int(stream.slot)]
        return record.pointee.stream.id == stream.id ? record : nil
    }

    /// The record of the stream called `id`, by looking at all of them: for rare cases only.
    func record(id: Int32) -> UnsafeMutablePointer<StreamRecord>? {
        guard id != 0 else { return nil }
        return records.first { $0.pointee.stream.id == id }
    }

    func forEachUsed(_ body: (UnsafeMutablePointer<StreamRecord>) -> Void) {
        for record in records where record.pointee.stream.id != 0 { body(record) }
    }

    /// Gives back all memory, unless a record is in use.
    mutating func releaseIfUnused() {
        if usedCount == 0 { deallocate() }
    }

    mutating func deallocate() {
        for record in records {
            record.pointee.outbound.deallocate()
            record.deinitialize(count: 1)
            record.deallocate()
        }
        records = []
        freeSlots = []
    }
}
