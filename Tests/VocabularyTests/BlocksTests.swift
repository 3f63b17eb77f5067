import CMemory
import Glibc
import Testing
import Vocabulary

@Suite("blocks for messages")
struct BlocksTests {
    @Test("blocks of every length are aligned, apart from each other and usable to their last byte")
    func alignment() {
        var blocks: [(memory: UnsafeMutableRawPointer, byteCount: Int)] = []
        for byteCount in [1, 63, 64, 127, 128, 129, 1060, 4096, 65_541, 131_072, 131_073, 1 << 20] {
            for _ in 0..<3 {
                let block = apus_block_allocate(byteCount)!
                #expect(Int(bitPattern: block) % 64 == 0)
                block.initializeMemory(as: UInt8.self, repeating: UInt8(blocks.count), count: byteCount)
                blocks.append((block, byteCount))
            }
        }
        for (index, block) in blocks.enumerated() {
            #expect(UnsafeRawBufferPointer(start: block.memory, count: block.byteCount).allSatisfy { $0 == index })
            apus_block_free(block.memory, block.byteCount)
        }
    }

    @Test("a thread keeps a bounded number of bytes, whatever is freed on it")
    func bound() {
        let blocks = (0..<4000).map { index in (apus_block_allocate(1 << (index % 18))!, 1 << (index % 18)) }
        for (block, byteCount) in blocks { apus_block_free(block, byteCount) }
        #expect(apus_block_kept_byte_count() <= 1_441_792)
    }

    @Test(
        "a freed block of 4 MiB goes back to the system, also where a larger one was freed before",
        .disabled(if: dlsym(nil, "__asan_init") != nil, "the sanitizer's allocator takes no settings"))
    func largeBlocks() async {
        // In a process of its own: the setting holds for good.
        await #expect(processExitsWith: .success) {
            guard ProcessMemory.giveBackLargeBlocks() else { exit(2) }
            for byteCount in [16 << 20, 4 << 20] {
                let block = malloc(byteCount)!
                memset(block, 1, byteCount)
                let page = UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: block) & ~4095)!
                free(block)
                var state: UInt8 = 0
                guard mincore(page, 4096, &state) == -1, errno == ENOMEM else { exit(3) }
            }
        }
    }

    @Test("short texts become strings when they are UTF-8, and nothing when they are not")
    func texts() {
        for text in ["", "identity", "a name of more than sixteen bytes", "ünïcödé 🐦", "nul \0 inside", "1234567é"] {
            #expect(Bytes(utf8: text).utf8String == text)
        }
        for bytes in [[0xFF], [0x61, 0xC3], [0xED, 0xA0, 0x80], Array(repeating: 0x61, count: 20) + [0x80]] as [[UInt8]]
        {
            #expect(Bytes(bytes).utf8String == nil)
        }
    }
}
