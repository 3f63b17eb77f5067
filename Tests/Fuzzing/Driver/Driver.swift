import FuzzTargets
import Glibc
import TestSupport

// The functions that libFuzzer calls. `APUS_FUZZ_TARGET` names the target; `APUS_FUZZ_SEEDS` a folder to write its
// seeds into, and nothing else is done then.

/// Set before the first input, by the only thread.
nonisolated(unsafe) private var target: FuzzTarget!
/// Touched by the only thread that runs inputs; the first one also makes what all others share.
nonisolated(unsafe) private var isFirstInput = true

@_cdecl("LLVMFuzzerInitialize")
func initialize(
    _ argumentCount: UnsafeMutablePointer<CInt>?,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    let name = getenv("APUS_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let named = FuzzTarget.named(name) else {
        print("APUS_FUZZ_TARGET must be one of", FuzzTarget.all.map(\.name).joined(separator: ", "))
        exit(2)
    }
    target = named
    PeakMemory.install()
    if let folder = getenv("APUS_FUZZ_SEEDS") { writeSeeds(into: String(cString: folder)) }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ data: UnsafePointer<UInt8>?, _ byteCount: Int) -> CInt {
    do {
        let growth = try PeakMemory.measure {
            try target.run(UnsafeRawBufferPointer(start: data, count: byteCount))
        }
        try target.checkMemory(growth, isFirst: isFirstInput)
        isFirstInput = false
    } catch {
        print("Finding in \(target.name): \(error)")
        fflush(nil)
        abort()
    }
    return 0
}

@_cdecl("LLVMFuzzerCustomMutator")
func mutate(_ data: UnsafeMutablePointer<UInt8>, _ byteCount: Int, _ byteCountMax: Int, _ seed: CUnsignedInt) -> Int {
    // Half of the mutations of frames are libFuzzer's own, and all of those of everything else.
    guard target.holdsFrames, seed & 1 == 0 else { return libFuzzerMutate(data, byteCount, byteCountMax) }
    var random = SeededGenerator(seed: UInt64(seed))
    let input = Array(UnsafeBufferPointer(start: data, count: byteCount))
    let mutated = FrameMutation.mutate(input, &random) { payload, _ in
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: payload.count + 64) { buffer in
            _ = buffer.initialize(from: payload)
            let count = libFuzzerMutate(buffer.baseAddress!, payload.count, buffer.count)
            return Array(buffer[..<count])
        }
    }
    let count = min(mutated.count, byteCountMax)
    _ = UnsafeMutableBufferPointer(start: data, count: count).update(fromContentsOf: mutated[..<count])
    return count
}

/// libFuzzer's own mutation, which has learned what the code compares its input with.
@_silgen_name("LLVMFuzzerMutate")
private func libFuzzerMutate(_ data: UnsafeMutablePointer<UInt8>, _ byteCount: Int, _ byteCountMax: Int) -> Int

private func writeSeeds(into folder: String) -> Never {
    do {
        for seed in try target.seeds() {
            guard let file = fopen("\(folder)/\(seed.name)", "w") else { exit(2) }
            fwrite(seed.bytes, 1, seed.bytes.count, file)
            fclose(file)
        }
    } catch {
        print("no seeds: \(error)")
        exit(2)
    }
    exit(0)
}
