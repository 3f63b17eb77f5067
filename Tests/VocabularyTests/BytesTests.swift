import Testing
import Vocabulary

@Suite("runs of bytes")
struct BytesTests {
    /// Counts itself out, so that a test sees when the last slice lets go of it.
    private final class Owner {
        let memory: UnsafeMutableRawBufferPointer
        let onEnd: () -> Void

        init(_ bytes: [UInt8], onEnd: @escaping () -> Void) {
            memory = .allocate(byteCount: bytes.count, alignment: 1)
            memory.copyBytes(from: bytes)
            self.onEnd = onEnd
        }

        deinit {
            memory.deallocate()
            onEnd()
        }
    }

    @Test("a slice keeps the owner of its memory alive, and the last slice lets it go")
    func ownership() {
        var isFreed = false
        var slice: Bytes?
        do {
            let owner = Owner([1, 2, 3, 4, 5]) { isFreed = true }
            let whole = Bytes(borrowing: UnsafeRawBufferPointer(owner.memory), owner: owner)
            slice = whole[1..<4][1..<3]
        }
        #expect(!isFreed)
        #expect(slice?.array == [3, 4])
        slice = nil
        #expect(isFreed)
    }

    @Test("every slice of a run holds the same bytes as the array's", arguments: [0, 1, 2, 7])
    func slices(count: Int) {
        let array = (0..<count).map { UInt8($0) }
        let bytes = Bytes(array)
        for lower in 0...count {
            for upper in lower...count {
                #expect(bytes[lower..<upper].array == Array(array[lower..<upper]))
                #expect(bytes[lower..<upper].isEmpty == (lower == upper))
            }
        }
    }

    @Test("equality is of the bytes, wherever they are")
    func equality() {
        #expect(Bytes([1, 2]) == Bytes([0, 1, 2, 3])[1..<3])
        #expect(Bytes([1, 2]) != Bytes([1, 3]))
        #expect(Bytes([1, 2]) != Bytes([1, 2, 3]))
        #expect(Bytes() == Bytes([UInt8]()))
    }

    @Test("memory of its own starts at a multiple of 64")
    func alignment() {
        Bytes([1]).withUnsafeBytes { bytes in
            #expect(UInt(bitPattern: bytes.baseAddress).isMultiple(of: 64))
        }
    }

    @Test("text is checked, not mended")
    func text() {
        #expect(Bytes(utf8: "Mauersegler ✓").utf8String == "Mauersegler ✓")
        #expect(Bytes([0xC3]).utf8String == nil)
        #expect(Bytes().utf8String == "")
    }

    @Test("an index outside is our bug")
    func bounds() async {
        await #expect(processExitsWith: .failure) { _ = Bytes([1, 2])[2] }
        await #expect(processExitsWith: .failure) { _ = Bytes([1, 2])[1..<3] }
        await #expect(processExitsWith: .failure) { _ = Bytes()[0] }
    }
}
