package import TestSupport

/// Code that takes bytes from a peer, together with what must hold whatever the bytes are.
///
/// One table serves libFuzzer, which searches for inputs that break it, and the tests, which replay those that are
/// kept.
package struct FuzzTarget: Sendable {
    /// The name of its corpus folder, too.
    package let name: String
    /// Longer inputs only cost time.
    package let inputByteCountMax: Int
    /// How many mutations of kept inputs the tests run; fewer where each takes long.
    package let mutationCount: Int
    /// The most memory an input may take while it runs.
    ///
    /// Why: a few kilobytes from a peer must not become many megabytes here.
    package let memoryByteCountMax: Int
    /// Inputs to begin with, made by our own encoders: what a decent peer sends, one idea each.
    package let seeds: @Sendable () throws -> [(name: String, bytes: [UInt8])]
    /// Whether inputs are a control byte and HTTP/2 frames, which are best mutated as such.
    package let holdsFrames: Bool
    private let body: @Sendable (UnsafeRawBufferPointer) throws -> Void

    init(
        _ name: String, inputByteCountMax: Int = 4096, holdsFrames: Bool = false, mutationCount: Int = 1500,
        memoryByteCountMax: Int = 16 << 20,
        seeds: @escaping @Sendable () throws -> [(name: String, bytes: [UInt8])],
        body: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) {
        self.name = name
        self.inputByteCountMax = inputByteCountMax
        self.mutationCount = mutationCount
        self.memoryByteCountMax = memoryByteCountMax
        self.seeds = seeds
        self.holdsFrames = holdsFrames
        self.body = body
    }

    /// Runs one input.
    ///
    /// - Throws: `FuzzFinding` when something that must hold does not.
    package func run(_ input: UnsafeRawBufferPointer) throws {
        try body(UnsafeRawBufferPointer(rebasing: input.prefix(inputByteCountMax)))
    }

    /// Checks by how much memory grew at the most while an input ran.
    ///
    /// - Throws: `FuzzFinding` when that is too much for an input this short.
    package func checkMemory(_ byteCount: Int, isFirst: Bool) throws {
        try require(isFirst || byteCount <= memoryByteCountMax, "an input took \(byteCount) bytes of memory")
    }

    /// Runs one input.
    package func run(_ input: [UInt8]) throws { try input.withUnsafeBytes(run) }

    /// A mutation of `input` that is still about as long.
    package func mutated(_ input: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        holdsFrames
            ? FrameMutation.mutate(input, &random, payload: ByteMutation.mutate)
            : ByteMutation.mutate(input, &random)
    }

    /// Every target there is.
    package static let all = [
        server, client, framing, headers, texts, messages, certificate, handshake, compression, services, prompts,
        pictures, records, weights,
    ]

    /// The target of that name.
    package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Something that must hold did not.
package struct FuzzFinding: Error, CustomStringConvertible {
    package let description: String
}

/// - Throws: `FuzzFinding` unless `condition` holds.
func require(_ condition: Bool, _ what: @autoclosure () -> String) throws(FuzzFinding) {
    if !condition { throw FuzzFinding(description: what()) }
}
