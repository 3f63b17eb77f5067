/// The descriptors a loop watches, by slot.
///
/// A slot's generation changes with each use, so that a report about a descriptor that was closed earlier in the same
/// turn is not taken for one about the descriptor that got its slot.
struct WatchTable {
    /// The token of the loop's own eventfd; no slot ever has it.
    static let wakeUpToken = UInt64.max

    private struct Slot {
        var generation: UInt32 = 0
        var descriptor: Int32 = -1
        var handler: (any ReadinessHandler)?
    }

    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []

    mutating func insert(descriptor: Int32, handler: any ReadinessHandler) -> WatchID {
        let slot: UInt32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = UInt32(slots.count)
            slots.append(Slot())
        }
        slots[Int(slot)].descriptor = descriptor
        slots[Int(slot)].handler = handler
        return WatchID(slot: slot, generation: slots[Int(slot)].generation)
    }

    /// The descriptor that was watched, or nil when `id` is out of date.
    mutating func remove(_ id: WatchID) -> Int32? {
        guard let descriptor = descriptor(of: id) else { return nil }
        slots[Int(id.slot)].handler = nil
        slots[Int(id.slot)].descriptor = -1
        slots[Int(id.slot)].generation &+= 1
        freeSlots.append(id.slot)
        return descriptor
    }

    func descriptor(of id: WatchID) -> Int32? {
        isCurrent(id) ? slots[Int(id.slot)].descriptor : nil
    }

    func handler(of id: WatchID) -> (any ReadinessHandler)? {
        isCurrent(id) ? slots[Int(id.slot)].handler : nil
    }

    private func isCurrent(_ id: WatchID) -> Bool {
        Int(id.slot) < slots.count && slots[Int(id.slot)].generation == id.generation
            && slots[Int(id.slot)].handler != nil
    }
}
