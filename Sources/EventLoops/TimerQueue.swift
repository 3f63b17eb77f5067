package import Vocabulary

/// Names one timer of a loop; worthless after the timer fired or was cancelled, and never mistaken for a later one.
package struct TimerID: Hashable, Sendable {
    fileprivate let slot: Int32
    fileprivate let generation: UInt32
}

/// The pending timers of a loop, soonest first.
///
/// A binary heap that knows where each timer sits, so that cancelling removes it at once. Why not cancel lazily: most
/// calls carry a deadline and end long before it, and their dead timers would pile up for the length of a deadline.
///
/// - Complexity: insertion, removal and expiry O(log n) for n pending timers.
package struct TimerQueue<Payload> {
    private struct Node {
        var time: MonotonicTime
        /// Equal times fire in the order they were set.
        var order: UInt64
        var slot: Int32

        func comesBefore(_ other: Node) -> Bool {
            time == other.time ? order < other.order : time < other.time
        }
    }

    private struct Slot {
        var generation: UInt32 = 0
        /// Where the timer sits in `heap`; -1 when the slot is free.
        var position: Int32 = -1
        var payload: Payload?
    }

    private var heap: [Node] = []
    private var slots: [Slot] = []
    private var freeSlots: [Int32] = []
    private var orderNext: UInt64 = 0

    package init() {}

    /// How many timers are pending.
    package var count: Int { heap.count }

    /// When the soonest timer is due.
    package var timeNext: MonotonicTime? { heap.first?.time }

    /// Adds a timer that is due at `time`.
    package mutating func insert(at time: MonotonicTime, _ payload: Payload) -> TimerID {
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = Int32(slots.count)
            slots.append(Slot())
        }
        slots[Int(slot)].payload = payload
        heap.append(Node(time: time, order: orderNext, slot: slot))
        orderNext += 1
        slots[Int(slot)].position = Int32(heap.count - 1)
        siftUp(heap.count - 1)
        return TimerID(slot: slot, generation: slots[Int(slot)].generation)
    }

    /// Removes a timer; its payload, or nil when it has fired or was removed before.
    @discardableResult
    package mutating func remove(_ id: TimerID) -> Payload? {
        guard slots.indices.contains(Int(id.slot)), slots[Int(id.slot)].generation == id.generation else { return nil }
        return removeNode(at: Int(slots[Int(id.slot)].position))
    }

    /// Takes the soonest timer that is due at `now`, or nil.
    package mutating func popExpired(at now: MonotonicTime) -> Payload? {
        guard let first = heap.first, first.time <= now else { return nil }
        return removeNode(at: 0)
    }

    private mutating func removeNode(at position: Int) -> Payload? {
        let slot = Int(heap[position].slot)
        let last = heap.removeLast()
        if position < heap.count {
            heap[position] = last
            slots[Int(last.slot)].position = Int32(position)
            siftDown(position)
            siftUp(position)
        }
        let payload = slots[slot].payload
        slots[slot].payload = nil
        slots[slot].position = -1
        slots[slot].generation &+= 1
        freeSlots.append(Int32(slot))
        return payload
    }

    private mutating func siftUp(_ start: Int) {
        var position = start
        while position > 0 {
            let parent = (position - 1) / 2
            guard heap[position].comesBefore(heap[parent]) else { return }
            swapNodes(position, parent)
            position = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var position = start
        while true {
            var soonest = position
            for child in (2 * position + 1)...(2 * position + 2)
            where child < heap.count && heap[child].comesBefore(heap[soonest]) {
                soonest = child
            }
            guard soonest != position else { return }
            swapNodes(position, soonest)
            position = soonest
        }
    }

    private mutating func swapNodes(_ left: Int, _ right: Int) {
        heap.swapAt(left, right)
        slots[Int(heap[left].slot)].position = Int32(left)
        slots[Int(heap[right].slot)].position = Int32(right)
    }
}
